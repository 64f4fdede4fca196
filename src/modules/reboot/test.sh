# reboot/test: runs the command that tells whether the machine is ready. $1 the command
set -u
eval "$1"

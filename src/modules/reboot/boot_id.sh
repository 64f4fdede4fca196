# reboot/boot-id: prints what differs after every boot.
set -u
if [ -r /proc/sys/kernel/random/boot_id ]; then
    cat /proc/sys/kernel/random/boot_id
else
    who -b
fi
# A container keeps its host's boot id; its first process is a new one all the same.
IFS= read -r stat </proc/1/stat && stat=${stat##*) } && echo "$stat" | cut -d ' ' -f 20

# Lists a directory of the node: list.sh DIRECTORY. Prints `directory=NAME` and `file=MODE SHA256 SIZE NAME`, with names
# relative to it; links stand for what they point to. Parents come before what is in them.
# shellcheck shell=sh
set -u

cd -- "$1" || exit 1
find -L . ! -name . | sort | while IFS= read -r name; do
    name=${name#./}
    if [ -d "$name" ]; then
        printf 'directory=%s\n' "$name"
    else
        sum=$(sha256sum <"$name") || exit 1
        printf 'file=%s %s %s %s\n' "$(stat -L -c %f -- "$name")" "${sum%% *}" "$(stat -L -c %s -- "$name")" "$name"
    fi
done

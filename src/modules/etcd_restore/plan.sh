# Verifies a snapshot and says what its restore would replace; changes nothing.
# $1 etcd's manifest, $2 snapshot, $3 krun's record of a restore that was begun
manifest=$1 snapshot=$2 record=$3
endpoint='' ca='' cert='' key=''
if [ -f "$record" ]; then
	begun=$(sed -n 's/^snapshot=//p' "$record")
	[ "$begun" = "$snapshot" ] ||
		fail "the restore of $begun was begun on this node and is not finished: finish it first, or remove $record"
	stamp=$(sed -n 's/^stamp=//p' "$record")
	echo "begun=$stamp"
	[ -e "$manifest" ] || manifest=${manifest%/*}.krun-$stamp/${manifest##*/}
fi
[ -e "$manifest" ] || fail "$manifest is not there: this node has no etcd of its own to restore (with several members, restore the first)"
read_settings
find_tools "${snapshot%/*}"
verify_sum "$snapshot"
sum=$(sum_of "$snapshot")
description=${snapshot%.db}.json
if [ -f "$description" ]; then
	wanted=$(sed -n 's/.*"sha256": *"\([0-9a-f]*\)".*/\1/p' "$description")
	[ "$wanted" = "$sum" ] || fail "the snapshot $snapshot is not the one that $description describes: the checksums differ"
fi
read_status "$snapshot"
case $snapshot in
"$data"/*) fail "the snapshot lies in etcd's data directory, which is about to be moved: copy it to another folder first" ;;
esac

members=$(flag initial-cluster | tr ',' '\n' | grep -c =)
# The manifest of the first of several members names only itself; etcd knows better, while it runs.
if live=$(limit=5 member member list 2>/dev/null); then
	members=$(printf '%s\n' "$live" | grep -c .)
	live=$(limit=5 member endpoint status --write-out=json 2>/dev/null) && echo "live_revision=$(number revision "$live")"
fi
cat <<END
members=$members
member=$(flag name)
data=$data
revision=$revision
total_keys=$keys
size=$size
sha256=$sum
END

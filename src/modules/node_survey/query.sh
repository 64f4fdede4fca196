# Says what an upgrade has to know of this machine; changes nothing.
# $1 folder of Kubernetes' files, $2 folder of the kubelet's, $3 folder of the machine's settings (/etc)
kubernetes=$1 kubelet=$2 etc=$3
manifest=$kubernetes/manifests/etcd.yaml
endpoint='' ca='' cert='' key=''
pki=$kubernetes/pki

have() { command -v "$1" >/dev/null 2>&1; }
say() { printf '%s=%s\n' "$1" "$2"; }
first_line() { printf '%s\n' "$1" | sed -n '/./{p;q;}'; }
# What does not answer must not hold up everything.
limited() {
	if have timeout; then timeout 30 "$@" </dev/null; else "$@" </dev/null; fi
}

echo "== values"
say time "$(date +%s)"
say nodename "$(uname -n)"
say kernel "$(uname -r)"
say os "$(sed -n 's/^PRETTY_NAME=//p' "$etc/os-release" 2>/dev/null | tr -d \"\')"
for manager in dnf5 dnf yum apt-get; do
	if have "$manager"; then
		say package_manager "${manager%-get}"
		break
	fi
done
case $(stat -f -c %T /sys/fs/cgroup 2>/dev/null) in
tmpfs | cgroupfs | cgroup) say cgroup 1 ;;
*) if [ -e /sys/fs/cgroup/cgroup.controllers ]; then say cgroup 2; else say cgroup 1; fi ;;
esac
grep -Eqs '^ *"?failSwapOn"?: *false' "$kubelet/config.yaml" && say swap_allowed yes
say kubelet_state "$(systemctl is-active kubelet 2>/dev/null)"
have kubeadm && say kubeadm "$(first_line "$(kubeadm version -o short 2>&1)")"
have kubelet && say kubelet "$(first_line "$(kubelet --version 2>&1)")"
have kubectl && say kubectl "$(limited kubectl version --client -o json 2>/dev/null | sed -n 's/.*"gitVersion": *"\([^"]*\)".*/\1/p' | sed 1q)"
if have rpm && package=$(rpm -q --qf '%{VERSION}-%{RELEASE}' kubeadm 2>/dev/null); then
	say package "$package"
elif have dpkg-query && package=$(dpkg-query -W -f '${Version}' kubeadm 2>/dev/null); then
	say package "$package"
fi
[ ! -r "$kubernetes/admin.conf" ] || say admin_conf yes
for state in "$(systemctl is-enabled etcd 2>/dev/null)" "$(systemctl is-active etcd 2>/dev/null)"; do
	case $state in enabled | active) say etcd_service yes ;; esac
done
have etcdctl && say etcdctl "$(ETCDCTL_API=3 etcdctl version 2>/dev/null | sed -n 's/^etcdctl version: *//p')"

echo "== swaps"
tail -n +2 /proc/swaps

echo "== flags"
for file in "$kubelet/kubeadm-flags.env" "$etc/sysconfig/kubelet" "$etc/default/kubelet"; do
	[ -r "$file" ] || continue
	sed -n 's/^[A-Z_]*=//p' "$file" | tr -d \"\' | tr -s ' ' '\n' | sed -n 's/^--/--/p' | while read -r flag; do
		printf '%s\t%s\n' "$file" "$flag"
	done
done

echo "== disks"
data=$(flag data-dir)
[ -n "$data" ] || data=/var/lib/etcd
room() {
	[ ! -d "$2" ] || df -Pk "$2" | awk -v purpose="$1" -v path="$2" 'NR == 2 { print purpose "\t" path "\t" $4 "\t" $6 }'
}
room var /var
for images in /var/lib/containerd /var/lib/containers /var/lib/docker; do room images "$images"; done
if [ -e "$kubernetes/manifests/kube-apiserver.yaml" ]; then room kubernetes "$kubernetes"; fi
if [ -e "$manifest" ]; then
	room etcd "$data"
	printf 'size\t%s\t%s\t\n' "$data" "$(du -sk "$data" 2>/dev/null | cut -f1)"
fi

echo "== repositories"
for file in "$etc"/yum.repos.d/*.repo; do
	[ -r "$file" ] || continue
	awk -v file="$file" '
		function flush() {
			if (url != "" && enabled && tolower(id " " name " " url) ~ /kube|k8s/)
				print file "\t" url "\t" (signed ? "yes" : "no")
			url = ""; name = ""; enabled = 1; signed = 1
		}
		BEGIN { enabled = 1; signed = 1 }
		/^\[/ { flush(); id = $0; next }
		{ value = $0; sub(/^[^=]*= */, "", value); sub(/ *$/, "", value) }
		/^name *=/ { name = value }
		/^(baseurl|mirrorlist|metalink) *=/ { if (url == "") { split(value, words, /[ ,]+/); url = words[1] } }
		/^enabled *=/ { enabled = value !~ /^(0|no|false|off)$/ }
		/^gpgcheck *=/ { signed = value !~ /^(0|no|false|off)$/ }
		END { flush() }' "$file"
done
for file in "$etc/apt/sources.list" "$etc"/apt/sources.list.d/*.list; do
	[ -r "$file" ] || continue
	awk -v file="$file" '
		/^deb[ \t]/ && tolower($0) ~ /kube|k8s/ {
			signed = $0 !~ /trusted=yes/
			sub(/^deb[ \t]+(\[[^]]*\][ \t]*)?/, "")
			print file "\t" $1 "\t" (signed ? "yes" : "no")
		}' "$file"
done
for file in "$etc"/apt/sources.list.d/*.sources; do
	[ -r "$file" ] || continue
	awk -v file="$file" 'BEGIN { RS = "" } tolower($0) ~ /kube|k8s/ && tolower($0) !~ /(^|\n)enabled: *no/ {
		if (match($0, /(^|\n)URIs: *[^ \n]+/)) {
			url = substr($0, RSTART, RLENGTH); sub(/.*URIs: */, "", url)
			print file "\t" url "\t" (tolower($0) ~ /(^|\n)trusted: *yes/ ? "no" : "yes")
		}
	}' "$file"
done

for file in "$kubernetes"/manifests/*.yaml; do
	[ -r "$file" ] || continue
	name=${file##*/}
	echo "== manifest ${name%.yaml}"
	cat "$file"
	echo
done

echo "== certificates"
ends() {
	[ ! -r "$2" ] || printf '%s\t%s\t%s\n' "$1" "$3" "$(openssl x509 -enddate -noout -in "$2" 2>/dev/null)"
}
if have openssl; then
	ends kubelet-client "$kubelet/pki/kubelet-client-current.pem" no
fi
if [ -e "$kubernetes/manifests/kube-apiserver.yaml" ]; then
	if have kubeadm && { said=$(limited kubeadm certs check-expiration 2>/dev/null) ||
		said=$(limited kubeadm alpha certs check-expiration 2>/dev/null); }; then
		printf '%s\n' "$said"
	elif have openssl; then
		for file in "$pki"/*.crt "$pki"/etcd/*.crt; do
			name=${file#"$pki/"}
			name=${name%.crt}
			case $name in *ca) authority=yes ;; *) authority=no ;; esac
			ends "$(printf '%s\n' "$name" | tr / -)" "$file" "$authority"
		done
	fi

	api_server=$(sed -n 's/^ *\(- \)\{0,1\}image: *//p' "$kubernetes/manifests/kube-apiserver.yaml" | sed 1q | tr -d \"\')
	version=${api_server%%@*}
	version=${version##*:}
	minor=${version%.*}
	kubeadm=$(kubeadm version -o short 2>/dev/null)
	case $kubeadm in
	"$minor".*)
		# At the present version only what was edited by hand differs.
		if said=$(limited kubeadm upgrade diff "$version" 2>&1); then
			echo "== diff"
		else
			echo "== diff error"
		fi
		printf '%s\n' "$said"
		if said=$(limited kubeadm config images list "--kubernetes-version=$version" 2>&1); then
			echo "== images"
		else
			echo "== images error"
		fi
		printf '%s\n' "$said"
		;;
	*)
		echo "== diff error"
		echo "kubeadm is ${kubeadm:-not there}, the control plane at $version"
		;;
	esac
fi

if [ -e "$manifest" ]; then
	read_settings
	# `find_tools` ends the shell where there are none.
	if said=$( (find_tools /tmp) 2>&1); then
		find_tools /tmp
		limit=5
		if status=$(member endpoint status --write-out=json 2>&1); then
			echo "== etcd status"
			printf '%s\n' "$status" | sed -n '/^\[/p'
			echo "== etcd members"
			member member list --write-out=json 2>/dev/null
			echo
			echo "== etcd alarms"
			member alarm list 2>/dev/null
		else
			echo "== etcd error"
			printf '%s\n' "$status"
		fi
	else
		echo "== etcd error"
		printf '%s\n' "$said"
	fi
fi
echo "== end"
date +%s

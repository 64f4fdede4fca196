# setup/facts: what a node is, as lines "NAME=VALUE" (text), "NAME#VALUE" (number), "NAME?VALUE" (true, false) and
# "NAME+WORD…" (list). Needs no more than a POSIX shell and /proc; what cannot be found out is left out.
# "cpu", "link", "address", "mount", "cmdline" and "local" begin lines of words parted by tabs, which krun puts together.
# $1 the directory of the node's own facts; the other arguments name the groups that are wanted: platform, hardware, network,
# virtual, env, mounts, local.
set -u
fact_path=$1
shift
wanted=" $* "
wants() { case $wanted in *" $1 "*) return 0 ;; esac; return 1; }
has() { command -v "$1" >/dev/null 2>&1; }
text() { if [ -n "$2" ]; then printf '%s=%s\n' "$1" "$2"; fi; }
number() { case $2 in '' | *[!0-9]*) ;; *) printf '%s#%s\n' "$1" "$2" ;; esac; }

# The value of a variable of os-release, without running the file.
release() {
    for file in /etc/os-release /usr/lib/os-release; do
        [ -r "$file" ] || continue
        sed -n "s/^$1=//p" "$file" | head -n 1 | sed "s/^[\"']//; s/[\"']\$//"
        return
    done
}

# What lsb_release or its file says.
lsb() {
    if has lsb_release; then
        lsb_release -a 2>/dev/null | sed -n 's/^Distributor ID:[[:space:]]*/lsb.id=/p; s/^Description:[[:space:]]*/lsb.description=/p
s/^Codename:[[:space:]]*/lsb.codename=/p; s/^Release:[[:space:]]*/lsb.release=/p
s/^Release:[[:space:]]*\([^.]*\).*/lsb.major_release=\1/p'
    elif [ -r /etc/lsb-release ]; then
        sed -n "s/[\"']//g; s/^DISTRIB_ID=/lsb.id=/p; s/^DISTRIB_DESCRIPTION=/lsb.description=/p
s/^DISTRIB_CODENAME=/lsb.codename=/p; s/^DISTRIB_RELEASE=/lsb.release=/p" /etc/lsb-release
        text lsb.major_release "$(sed -n "s/[\"']//g; s/^DISTRIB_RELEASE=\([^.]*\).*/\1/p" /etc/lsb-release)"
    fi
}

platform() {
    text system "$(uname -s)"
    text kernel "$(uname -r)"
    text kernel_version "$(uname -v)"
    machine=$(uname -m)
    text machine "$machine"
    case $machine in i?86) text architecture i386 ;; *) text architecture "$machine" ;; esac
    node=$(uname -n)
    text nodename "$node"
    text hostname "${node%%.*}"
    full=$(hostname -f 2>/dev/null) || full=$node
    text fqdn "${full:-$node}"
    case $full in *.*) text domain "${full#*.}" ;; esac
    for file in /etc/machine-id /var/lib/dbus/machine-id; do
        if [ -r "$file" ]; then text machine_id "$(head -n 1 "$file")"; break; fi
    done

    id=$(release ID)
    version=$(release VERSION_ID)
    case $id in
        debian)
            name=Debian family=Debian
            if [ -r /etc/debian_version ]; then version=$(head -n 1 /etc/debian_version); fi
            ;;
        ubuntu) name=Ubuntu family=Debian ;;
        linuxmint) name='Linux Mint' family=Debian ;;
        raspbian) name=Debian family=Debian ;;
        centos) name=CentOS family=RedHat ;;
        rhel) name=RedHat family=RedHat ;;
        rocky) name=Rocky family=RedHat ;;
        almalinux) name=AlmaLinux family=RedHat ;;
        ol) name=OracleLinux family=RedHat ;;
        fedora) name=Fedora family=RedHat ;;
        amzn) name=Amazon family=RedHat ;;
        openEuler) name=openEuler family=RedHat ;;
        anolis) name=Anolis family=RedHat ;;
        kylin) name='Kylin Linux Advanced Server' family=RedHat ;;
        sles) name=SLES family=Suse ;;
        opensuse*) name='openSUSE' family=Suse ;;
        alpine) name=Alpine family=Alpine ;;
        arch) name=Archlinux family=Archlinux ;;
        flatcar) name=Flatcar family=Flatcar ;;
        *)
            name=$(release NAME)
            name=${name:-$(uname -s)}
            case " $(release ID_LIKE) " in
                *' rhel '* | *' fedora '* | *' centos '*) family=RedHat ;;
                *' debian '* | *' ubuntu '*) family=Debian ;;
                *' suse '*) family=Suse ;;
                *) family=$name ;;
            esac
            ;;
    esac
    # CentOS says "7" there, and its whole version only in a file of its own.
    if [ "$id" = centos ] && [ -r /etc/centos-release ]; then
        whole=$(sed -n 's/.*release \([0-9.]*\).*/\1/p' /etc/centos-release)
        case $whole in [0-9]*.[0-9]*.*) whole=${whole%.*} ;; esac
        version=${whole:-$version}
    fi
    text distribution "$name"
    text os_family "$family"
    text distribution_version "$version"
    text distribution_major_version "${version%%.*}"
    case $version in
        *.*)
            minor=${version#*.}
            text distribution_minor_version "${minor%%.*}"
            ;;
    esac
    if [ -r /etc/os-release ]; then
        text distribution_file_path /etc/os-release
        text distribution_file_variety "$family"
        printf 'distribution_file_parsed?true\n'
    fi
    lsb
    codename=$(release VERSION_CODENAME)
    text distribution_release "${codename:-NA}"

    if has dnf5; then text pkg_mgr dnf5
    elif has dnf; then text pkg_mgr dnf
    elif has yum; then text pkg_mgr yum
    elif has apt-get; then text pkg_mgr apt
    elif has zypper; then text pkg_mgr zypper
    elif has apk; then text pkg_mgr apk
    elif has pacman; then text pkg_mgr pacman
    else text pkg_mgr unknown
    fi
    if [ -d /run/systemd/system ]; then text service_mgr systemd
    elif has openrc || has rc-service; then text service_mgr openrc
    elif read -r first </proc/1/comm; then text service_mgr "$first"
    fi 2>/dev/null

    text user_id "$(id -un)"
    number user_uid "$(id -u)"
    number user_gid "$(id -g)"
    text user_dir "${HOME:-}"
    text user_shell "$(sed -n "s/^$(id -un):.*:\([^:]*\)\$/\1/p" /etc/passwd)"
    text user_gecos "$(sed -n "s/^$(id -un):[^:]*:[^:]*:[^:]*:\([^:]*\):.*/\1/p" /etc/passwd)"
    number real_user_id "$(id -ru)"
    number effective_user_id "$(id -u)"
    number real_group_id "$(id -rg)"
    number effective_group_id "$(id -g)"
    bits=$(getconf LONG_BIT 2>/dev/null)
    text userspace_bits "$bits"
    case $machine-$bits in
        x86_64-32) text userspace_architecture i386 ;;
        *-?*) text userspace_architecture "$machine" ;;
    esac
    if [ -r /proc/cmdline ]; then printf 'cmdline\t%s\n' "$(head -n 1 /proc/cmdline)"; fi
    for file in /etc/ssh/ssh_host_*_key.pub; do
        [ -r "$file" ] || continue
        kind=${file#/etc/ssh/ssh_host_}
        kind=${kind%_key.pub}
        read -r type key _ <"$file"
        text "ssh_host_key_${kind}_public" "$key"
        text "ssh_host_key_${kind}_public_keytype" "$type"
    done
    if [ -d /sys/kernel/security/apparmor ]; then text apparmor.status enabled; else text apparmor.status disabled; fi
    # Inside of a chroot another directory is the root of the first process.
    outer=$(stat -c %d:%i /proc/1/root/. 2>/dev/null)
    if [ -n "$outer" ] && [ "$outer" != "$(stat -c %d:%i /.)" ]; then
        printf 'is_chroot?true\n'
    else
        printf 'is_chroot?false\n'
    fi

    if [ -e /sys/fs/selinux/enforce ]; then
        text selinux.status enabled
        if [ "$(cat /sys/fs/selinux/enforce)" = 1 ]; then text selinux.mode enforcing; else text selinux.mode permissive; fi
        text selinux.type "$(sed -n 's/^SELINUXTYPE=//p' /etc/selinux/config 2>/dev/null)"
    else
        text selinux.status disabled
    fi
    if [ -r /proc/sys/crypto/fips_enabled ] && [ "$(cat /proc/sys/crypto/fips_enabled)" = 1 ]; then
        printf 'fips?true\n'
    else
        printf 'fips?false\n'
    fi

    # One clock reading for all of them.
    date '+date_time.date=%Y-%m-%d
date_time.time=%H:%M:%S
date_time.year=%Y
date_time.month=%m
date_time.day=%d
date_time.hour=%H
date_time.minute=%M
date_time.second=%S
date_time.weekday=%A
date_time.epoch=%s
date_time.epoch_int=%s
date_time.weekday_number=%w
date_time.weeknumber=%W
date_time.tz=%Z
date_time.tz_offset=%z'
    date -u '+date_time.iso8601=%Y-%m-%dT%H:%M:%SZ
date_time.iso8601_utc_short=%Y%m%dT%H%M%SZ'
    date '+date_time.iso8601_basic_short=%Y%m%dT%H%M%S'
}

hardware() {
    if [ -r /proc/cpuinfo ]; then
        count=$(grep -c '^processor[[:space:]]*:' /proc/cpuinfo)
        number processor_vcpus "$count"
        number processor_nproc "$(nproc 2>/dev/null || echo "$count")"
        grep -E '^(processor|vendor_id|model name|physical id|cpu cores|siblings)[[:space:]]*:' /proc/cpuinfo |
            sed 's/[[:space:]]*: */\t/; s/^/cpu\t/'
        text processor_model "$(sed -n 's/^model name[[:space:]]*: *//p' /proc/cpuinfo | head -n 1)"
    fi
    if [ -r /proc/meminfo ]; then
        total=0 free=0 available=0 cached=0 buffers=0 swap=0 swap_free=0 swap_cached=0
        while read -r key value _; do
            case $key in
                MemTotal:) total=$((value / 1024)) ;;
                MemFree:) free=$((value / 1024)) ;;
                Cached:) cached=$((value / 1024)) ;;
                Buffers:) buffers=$((value / 1024)) ;;
                SwapTotal:) swap=$((value / 1024)) ;;
                SwapFree:) swap_free=$((value / 1024)) ;;
                SwapCached:) swap_cached=$((value / 1024)) ;;
                MemAvailable:) available=$((value / 1024)) ;;
            esac
        done </proc/meminfo
        number memtotal_mb "$total"
        number memfree_mb "$free"
        [ "$available" -eq 0 ] || number memavailable_mb "$available"
        number swaptotal_mb "$swap"
        number swapfree_mb "$swap_free"
        number memory_mb.real.total "$total"
        number memory_mb.real.free "$free"
        number memory_mb.real.used $((total - free))
        number memory_mb.nocache.free $((free + cached + buffers))
        number memory_mb.nocache.used $((total - free - cached - buffers))
        number memory_mb.swap.total "$swap"
        number memory_mb.swap.free "$swap_free"
        number memory_mb.swap.used $((swap - swap_free))
        number memory_mb.swap.cached "$swap_cached"
    fi
    if read -r uptime _ </proc/uptime; then number uptime_seconds "${uptime%%.*}"; fi 2>/dev/null
    if read -r one five fifteen _ </proc/loadavg; then
        text loadavg.1m "$one"
        text loadavg.5m "$five"
        text loadavg.15m "$fifteen"
    fi 2>/dev/null
    for name in bios_date bios_vendor bios_version board_asset_tag board_name board_serial board_vendor board_version \
        chassis_asset_tag chassis_serial chassis_vendor chassis_version product_name product_serial product_uuid \
        product_version sys_vendor; do
        value=
        file=/sys/class/dmi/id/$name
        if [ -r "$file" ]; then value=$(head -n 1 "$file" 2>/dev/null); fi
        [ "$name" != sys_vendor ] || name=system_vendor
        text "$name" "${value:-NA}"
    done
    for device in /sys/block/*; do
        [ -r "$device/size" ] || continue
        name=devices.${device##*/}
        for key in removable:removable rotational:queue/rotational sectorsize:queue/logical_block_size model:device/model \
            vendor:device/vendor sectors:size; do
            file=$device/${key#*:}
            if [ -r "$file" ]; then text "$name.${key%%:*}" "$(sed 's/ *$//' "$file" 2>/dev/null)"; fi
        done
        for part in "$device/${device##*/}"*; do
            if [ -r "$part/size" ]; then
                text "$name.partitions.${part##*/}.sectors" "$(cat "$part/size")"
                text "$name.partitions.${part##*/}.start" "$(cat "$part/start")"
            fi
        done
    done
}

# Prints "INTERFACE ADDRESS PREFIX" of the machine's addresses of a family (4 or 6).
addresses() {
    ip -o "-$1" addr show 2>/dev/null | sed -n 's/^[0-9]*: *\([^ ]*\) *inet6\{0,1\} \([^ /]*\)\/\([0-9]*\).*/\1 \2 \3/p'
}

# Prints VALUE of "KEY VALUE" in a line of words.
word_after() {
    key=$1
    shift
    while [ $# -ge 2 ]; do
        if [ "$1" = "$key" ]; then echo "$2"; return; fi
        shift
    done
}

network() {
    if ! has ip; then
        list=$(hostname -I 2>/dev/null) || return 0
        printf 'all_ipv4_addresses+%s\n' "$(for address in $list; do case $address in *:*) ;; *) printf '%s ' "$address" ;; esac; done)"
        return
    fi
    four=$(addresses 4)
    six=$(addresses 6)
    printf 'all_ipv4_addresses+%s\n' "$(printf '%s\n' "$four" | sed '/ 127\./d' | cut -d ' ' -f 2 | tr '\n' ' ')"
    printf 'all_ipv6_addresses+%s\n' "$(printf '%s\n' "$six" | sed '/ ::1 /d' | cut -d ' ' -f 2 | tr '\n' ' ')"
    printf 'interfaces+%s\n' "$(for link in /sys/class/net/*; do [ -d "$link" ] && printf '%s ' "${link##*/}"; done)"
    for family in 4 6; do
        route=$(ip "-$family" route show default 2>/dev/null | head -n 1)
        [ -n "$route" ] || continue
        # shellcheck disable=SC2086 # words
        interface=$(word_after dev $route)
        # shellcheck disable=SC2086
        gateway=$(word_after via $route)
        # shellcheck disable=SC2086
        source=$(word_after src $route)
        if [ "$family" = 4 ]; then list=$four; else list=$(printf '%s\n' "$six" | sed '/ fe80/d'); fi
        found=$(printf '%s\n' "$list" | grep "^$interface ${source:+$source }" | head -n 1)
        [ -n "$found" ] || continue
        address=${found#* }
        text "default_ipv$family.interface" "$interface"
        text "default_ipv$family.gateway" "$gateway"
        text "default_ipv$family.address" "${address% *}"
        text "default_ipv$family.prefix" "${address#* }"
        text "default_ipv$family.macaddress" "$(cat "/sys/class/net/$interface/address" 2>/dev/null)"
        number "default_ipv$family.mtu" "$(cat "/sys/class/net/$interface/mtu" 2>/dev/null)"
    done
    ip -o link show 2>/dev/null | tr '\134' ' ' |
        sed -n 's/^[0-9]*: *\([^:@ ]*\)[^:]*: <\([^>]*\)> mtu \([0-9]*\).* link\/\([^ ]*\) *\([^ ]*\).*/link\t\1\t\2\t\3\t\4\t\5/p'
    printf '%s\n' "$four" "$six" | sed -n 's/^\([^ ]*\) \([^ ]*\) \([0-9]*\)$/address\t\1\t\2\t\3/p'
    printf 'dns.nameservers+%s\n' "$(sed -n 's/^nameserver[[:space:]]*//p' /etc/resolv.conf 2>/dev/null | tr '\n' ' ')"
    printf 'dns.search+%s\n' "$(sed -n 's/^search[[:space:]]*//p' /etc/resolv.conf 2>/dev/null | tr '\n' ' ')"
}

virtual() {
    role=guest
    kind=
    if has systemd-detect-virt; then
        kind=$(systemd-detect-virt 2>/dev/null)
    elif [ -e /.dockerenv ]; then
        kind=docker
    elif [ -r /sys/class/dmi/id/sys_vendor ]; then
        case $(cat /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/product_name 2>/dev/null) in
            *VMware*) kind=VMware ;;
            *VirtualBox*) kind=virtualbox ;;
            *KVM* | *QEMU*) kind=kvm ;;
            *Microsoft*Virtual*) kind=VirtualPC ;;
            *Xen*) kind=xen ;;
        esac
    fi
    case $kind in
        '' | none)
            kind=NA role=NA
            if [ -e /dev/kvm ]; then kind=kvm role=host; fi
            ;;
        vmware) kind=VMware ;;
        qemu) kind=kvm ;;
        oracle) kind=virtualbox ;;
        microsoft) kind=VirtualPC ;;
    esac
    text virtualization_type "$kind"
    text virtualization_role "$role"
    if [ "$role" = guest ]; then printf 'virtualization_tech_guest+%s\n' "$kind"; else printf 'virtualization_tech_guest+\n'; fi
    if [ -e /dev/kvm ]; then printf 'virtualization_tech_host+kvm\n'; else printf 'virtualization_tech_host+\n'; fi
}

mounts() {
    # Network file systems are left out: a dead server would hang the question.
    while read -r device point kind options _; do
        case $device in /dev/* | overlay) ;; *) case $kind in zfs | btrfs) ;; *) continue ;; esac ;; esac
        # Blanks in a name stand there as octal digits.
        case $point in *\\*) continue ;; esac
        # shellcheck disable=SC2046 # words: block size, blocks, free and available ones, inodes, free ones
        set -- $(stat -f -c '%S %b %f %a %c %d' "$point" 2>/dev/null)
        [ $# -eq 6 ] || continue
        printf 'mount\t%s\t%s\t%s\t%s\t%s\n' "$point" "$device" "$kind" "$options" "$*"
    done </proc/mounts
}

# The node's own facts: files with JSON or INI in them, or programs that print that.
own() {
    for file in "$fact_path"/*.fact; do
        [ -r "$file" ] || continue
        name=${file##*/}
        if [ -x "$file" ]; then said=$("$file" 2>/dev/null </dev/null); else said=$(cat "$file"); fi
        printf '%s\n' "$said" | sed "s/^/local	${name%.fact}	/"
    done
}

if wants platform; then platform; fi
if wants hardware; then hardware; fi
if wants network; then network; fi
if wants virtual; then virtual; fi
if wants mounts; then mounts; fi
if wants local; then own; fi
if wants env; then
    # Behind this mark values may hold line breaks.
    printf 'environment\n'
    if env -0 >/dev/null 2>&1; then env -0; else env | tr '\n' '\0'; fi
fi
exit 0

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Does Hearth work on a fresh machine? fresh.sh RELEASE [root|user [COMMAND]]
# makes a minimal Debian RELEASE (bookworm, trixie) with what a user has, puts
# the committed tree there and runs COMMAND in it, as root or as an ordinary
# user with sudo. COMMAND is tools/fresh-try.sh unless given.
#
# The new system has processes, mounts and host name of its own, and a root of
# its own by pivot_root: in a mere chroot the kernel allows no user namespaces,
# which the cells are made of. It shares this machine's network, so port 8080
# must be free. Needs root, and debootstrap (installed if missing).
#
# Package sources, proxies and certificate authorities are this machine's.
# The base system and downloaded packages are kept in $XDG_CACHE_HOME/hearth-
# fresh; FRESH_KEEP=1 keeps the finished system there as well.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/hearth-fresh
user_has=ca-certificates,curl,git,make,sudo

die() {
	printf 'fresh: %s\n' "$*" >&2
	exit 1
}

# --- inside: we are process 1 of the new system, whose root is $2 ------------

device() {
	: >"dev/$1"
	mount --bind "/dev/$1" "dev/$1"
}

mount_system() { # in the new root
	mount -t proc -o nosuid,nodev,noexec proc proc
	mount --rbind /sys sys
	mount -t tmpfs -o nosuid,mode=755 dev dev
	for d in null zero full random urandom tty; do device "$d"; done
	mkdir dev/pts dev/shm
	mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts dev/pts
	mount -t tmpfs -o nosuid,nodev,mode=1777 shm dev/shm
	ln -s pts/ptmx dev/ptmx
	ln -s /proc/self/fd dev/fd
	for i in 0:stdin 1:stdout 2:stderr; do
		ln -s "/proc/self/fd/${i%:*}" "dev/${i#*:}"
	done
	mount -t tmpfs -o nosuid,nodev,mode=755 run run
	mkdir run/lock
}

if [ "${1:-}" = --inside ]; then
	root=$2
	who=$3
	shift 3
	hostname fresh
	mount --make-rprivate /
	mount --bind "$root" "$root"
	cd "$root"
	mount --bind "../debs" var/cache/apt/archives
	mount_system
	mkdir old
	pivot_root . old
	umount -l /old
	rmdir /old
	# Not exec: process 1 must stay to take in what is orphaned.
	su -l -w "http_proxy,https_proxy,no_proxy,HTTP_PROXY,HTTPS_PROXY,NO_PROXY" \
		"$who" -c "cd hearth && $*"
	exit
fi

# --- the base system, made once ----------------------------------------------

sources() { # this machine's Debian sources, for $release
	apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' |
		awk -v ours="$ours" -v theirs="$release" '
			index($2, ours) == 1 && !seen[$0]++ {
				sub(ours, theirs, $2)
				print "deb", $1, $2, $3
			}'
}

make_base() {
	[ ! -f "$cache/$release.tar" ] || return 0
	command -v debootstrap >/dev/null || apt-get install -y debootstrap
	echo "fresh: making a base system of Debian '$release'"
	site=$(sources | awk -v r="$release" '$3 == r { print $2; exit }')
	[ -n "$site" ] || die "no Debian mirror in this machine's apt sources"
	mkdir "$work/base"
	debootstrap --variant=minbase --include="$user_has" "$release" \
		"$work/base" "$site" >"$work/log" 2>&1 || {
		tail -5 "$work/log"
		die "debootstrap failed"
	}
	tar -C "$work/base" --numeric-owner -cf "$work/base.tar" .
	mv "$work/base.tar" "$cache/$release.tar"
	rm -rf "$work/base"
}

# --- a fresh system -----------------------------------------------------------

make_network() { # what a network's owner would have set up
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	printf '%s\n' '127.0.0.1 localhost' '::1 localhost' '127.0.1.1 fresh' \
		>"$root/etc/hosts"
	echo fresh >"$root/etc/hostname"
	sources >"$root/etc/apt/sources.list"
	apt-config dump | grep -iE '^Acquire::([a-z:]*Proxy|Check-)' \
		>"$root/etc/apt/apt.conf.d/90network" || true
	find /usr/local/share/ca-certificates -name '*.crt' -exec \
		cp '{}' "$root/usr/local/share/ca-certificates/" ';'
	chroot "$root" update-ca-certificates >/dev/null 2>&1
}

make_user() { # an ordinary user who may use sudo
	home=/root
	[ "$who" != root ] || return 0
	home=/home/$who
	chroot "$root" useradd -m -s /bin/bash -G sudo "$who"
	echo "$who ALL=(ALL) NOPASSWD: ALL" >"$root/etc/sudoers.d/$who"
}

put_tree() {
	mkdir "$root$home/hearth"
	git -C "$top" archive HEAD | tar -C "$root$home/hearth" -x
	chroot "$root" chown -R "$who:" "$home/hearth"
}

[ $# -ge 1 ] || die "which release? fresh.sh bookworm|trixie [root|user]"
[ "$(id -u)" = 0 ] || die "needs root, to make a root of its own"
release=$1
case ${2:-root} in
root) who=root ;;
user) who=ada ;;
*) die "'$2' is neither root nor user" ;;
esac
[ $# -lt 3 ] || { shift 2 && command=$*; }
ours=$(. /etc/os-release && echo "$VERSION_CODENAME")
mkdir -p "$cache"
work=$(mktemp -d "$cache/$release-$who.XXXXXX")
[ -n "${FRESH_KEEP:-}" ] || trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 1' INT TERM

make_base
root=$work/root
mkdir -p "$root" "$cache/debs-$release"
tar -C "$root" -xf "$cache/$release.tar"
make_network
make_user
put_tree
ln -s "$cache/debs-$release" "$work/debs"
echo "fresh: Debian '$release' as '$who'"
unshare --mount --pid --uts --ipc --fork --kill-child \
	"$0" --inside "$root" "$who" "${command:-tools/fresh-try.sh}" ||
	die "Debian '$release' as '$who' FAILED"
echo "fresh: Debian '$release' as '$who' works"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that are missing: install-deps.sh SET...
# Sets: build, run, test, check, bench. Asks sudo when not root; a second run
# with everything in place changes nothing and needs no network.
#
# Two libraries are newer than a release may bring. yyjson is missing in
# Debian 12 and is installed from Debian 13's archive; llhttp must be 9.4.2 or
# newer, and its development package with the static library is unpacked below
# .deps/. Both come by apt, verified with Debian's keyring, through a private
# state folder: the machine's own sources stay as they are.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
deps=$top/.deps

build="gcc libc6-dev make cmake ninja-build pkg-config ca-certificates
 libuv1-dev libnghttp2-dev libssl-dev libsqlite3-dev libseccomp-dev
 libleptonica-dev libtesseract-dev libpoppler-glib-dev libcairo2-dev
 libarchive-dev libxml2-dev libgmime-3.0-dev libuchardet-dev libicu-dev"
run="tesseract-ocr-eng tesseract-ocr-osd"
test="libcmocka-dev curl nodejs npm poppler-utils"
check="clang libclang-rt-dev clang-format-14 clang-tidy-14 cppcheck nodejs binutils
 mandoc"
bench="wrk curl groff procps poppler-utils tesseract-ocr python3-minimal"

say() { printf '%s\n' "$*" >&2; }
die() { say "install-deps: $*"; exit 1; }

installed() {
	dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q ' installed$'
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "needs root or sudo to run: $*"
	fi
}

# Names that are not installed; a tool that is on PATH by other means counts.
missing() {
	for p in "$@"; do
		case $p in
		nodejs) command -v node >/dev/null && continue ;;
		npm) command -v npm >/dev/null && continue ;;
		esac
		installed "$p" || printf ' %s' "$p"
	done
}

apt_install() {
	say "installing:$*"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		--no-install-recommends "$@" >/dev/null ||
		die "apt-get could not install:$*"
}

# --- packages of another release, by a private apt state --------------------

mirror() { # the mirror that this machine uses for its own release
	apt-get indextargets --format '$(SITE) $(RELEASE)' |
		awk -v r="$codename" '$2 == r { print $1; exit }'
}

apt_private() {
	apt-get -qq -o Dir::State="$deps/apt/state" \
		-o Dir::State::Status=/var/lib/dpkg/status \
		-o Dir::Cache="$deps/apt/cache" \
		-o Dir::Etc::SourceList=/dev/null \
		-o Dir::Etc::SourceParts="$deps/apt/sources" \
		-o APT::Sandbox::User="$(id -un)" "$@"
}

from_release() { # from_release RELEASE PACKAGE...: downloads into .deps/debs
	release=$1
	shift
	site=$(mirror)
	[ -n "$site" ] || die "no Debian mirror is configured in apt's sources"
	mkdir -p "$deps/apt/state/lists/partial" "$deps/apt/sources" \
		"$deps/apt/cache/archives/partial" "$deps/debs"
	printf 'deb [signed-by=%s] %s %s main\n' \
		/usr/share/keyrings/debian-archive-keyring.gpg "$site" \
		"$release" >"$deps/apt/sources/$release.list"
	apt_private update || die "could not read Debian '$release' from $site"
	(cd "$deps/debs" && apt_private download "$@") ||
		die "could not download $* of Debian '$release'"
	rm -rf "$deps/apt"
}

install_yyjson() {
	installed libyyjson-dev && return
	if apt-cache show libyyjson-dev >/dev/null 2>&1; then
		apt_install libyyjson-dev
		return
	fi
	from_release trixie libyyjson0 libyyjson-dev
	apt_install "$deps"/debs/libyyjson*.deb
}

install_llhttp() {
	[ -f "$deps/usr/include/llhttp.h" ] && return
	from_release forky libllhttp-dev
	dpkg-deb -x "$deps"/debs/libllhttp-dev_*.deb "$deps"
}

# Programs whose packages would start a daemon: the one file, below .deps/, and
# the libraries that the package asks for.
unpack() { # unpack FILE PACKAGE: FILE is what the package must bring
	[ -e "$deps/$1" ] && return
	say "unpacking: $2"
	mkdir -p "$deps/debs"
	(cd "$deps/debs" && apt-get -qq -o APT::Sandbox::User="$(id -un)" \
		download "$2") || die "could not download $2"
	# shellcheck disable=SC2046
	libraries=$(missing $(dpkg-deb -f "$deps/debs/${2}"_*.deb Depends |
		tr ',' '\n' | sed -n '/libjs-/d; s/^ *\(lib[^ |(]*\).*/\1/p'))
	# shellcheck disable=SC2086
	[ -z "$libraries" ] || apt_install $libraries
	dpkg-deb --fsys-tarfile "$deps/debs/${2}"_*.deb |
		tar -x -C "$deps" "./$1"
}

# ---------------------------------------------------------------------------

[ $# -gt 0 ] || die "which packages? build, run, test, check, bench"
[ -r /etc/os-release ] && command -v apt-get >/dev/null ||
	die "this is not Debian; docs/building.md names the libraries to install"
codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
want=
for set in "$@"; do
	case $set in
	build | run | test | check | bench) eval "want=\"\$want \$$set\"" ;;
	*) die "no set '$set': build, run, test, check, bench" ;;
	esac
done
if [ "$codename" != bookworm ]; then # newer releases, newer compilers
	want=$(printf '%s' "$want" | sed 's/clang-format-14/clang-format/; s/clang-tidy-14/clang-tidy/')
fi
# shellcheck disable=SC2086
lacking=$(missing $want)
need_build=
case " $* " in *" build "*) need_build=1 ;; esac
if [ -n "$lacking" ] || { [ -n "$need_build" ] && ! installed libyyjson-dev; }; then
	as_root apt-get update -qq || say "apt-get update failed; trying with the lists at hand"
fi
# shellcheck disable=SC2086
[ -z "$lacking" ] || apt_install $lacking
if [ -n "$need_build" ]; then
	install_yyjson
	install_llhttp
fi
case " $* " in *" test "*)
	if [ "$codename" = bookworm ]; then
		unpack usr/bin/promtool prometheus
	else
		unpack usr/bin/promtool promtool
	fi
	;;
esac
case " $* " in *" bench "*)
	unpack usr/sbin/nginx nginx
	unpack usr/sbin/haproxy haproxy
	;;
esac
rm -rf "$deps/debs"

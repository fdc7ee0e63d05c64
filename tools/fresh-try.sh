#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a new user does first, with what is promised to come back. Run by
# tools/fresh.sh on a fresh system, in the tree; stops at the first surprise.
set -eu
cd "$(dirname "$0")/.."
fixtures=$PWD/tests/system/fixtures
hearth=build/release/hearth
url=http://localhost:8080
got=$(mktemp -d)
trap 'rm -rf "$got"' EXIT

step() { printf '== %s\n' "$*"; }

die() {
	printf 'FAILED: %s\n' "$*"
	tail -n 60 "$got"/*
	[ ! -x $hearth ] || $hearth logs 2>/dev/null | tail -n 30
	exit 1
}

run() { # run NAME COMMAND...: it must succeed; its output is $got/NAME
	name=$1
	shift
	step "$@"
	"$@" >"$got/$name" 2>"$got/$name.err" || die "$* (status $?)"
}

has() { # has NAME TEXT...: each must be in the output
	name=$1
	shift
	for text in "$@"; do
		grep -qF -e "$text" "$got/$name" || die "$name lacks: $text"
	done
}

up() {
	run up make up
	has up 'Hearth is ready: http://localhost:8080' \
		"$hearth read letter.docx"
}

down() {
	run down make down
	! curl -s "$url/health" >"$got/after" || die "it answers after 'down'"
	for exe in /proc/[0-9]*/exe; do
		case $(readlink "$exe") in
		*/hearth | */hearth-service) die "left running: $exe" ;;
		esac
	done
}

health() {
	run health curl -sSf $url/health
	has health '"status":"healthy"' '"active":1' '"covered":2'
	run workers curl -sSf $url/api/admin/workers
	has workers '"worker_type":"cpu"' '"document-processing"' '"vision-ocr"'
}

documents() {
	run ocr curl -sSf -F file=@scan.png $url/service/ocr/process
	has ocr '"success":true' 'Northmoor Bank plc' 'NB-448120' '£2,310.55'
	run docx curl -sSf -F file=@letter.docx $url/service/upload/process
	has docx '"success":true' '# Notice of arrears' 'Mr Ödön' '£23.82'
	run read "$hearth" read letter.docx
	cat >"$got/wanted" <<-'END'
		# Notice of arrears

		Dear Mr Ödön, your account is **£2,310.55** behind.

		| Due | Sum |
		| --- | --- |
		| 1 December 2024 | £23.82 |

		Yours sincerely
	END
	cmp "$got/wanted" "$got/read" || die "the Markdown is another"
	# The page as a PDF, with the text behind it; and drawn and read again.
	run pdf "$hearth" ocr --format pdf -o . scan.png
	run page curl -sSf -F file=@scan.png.pdf $url/service/ocr/process
	has page '"success":true' 'Northmoor Bank plc' 'NB-448120'
	run text curl -sSf -F file=@scan.png.pdf $url/service/upload/process
	has text '"success":true' 'Northmoor Bank plc' 'NB-448120'
	run status $hearth status
	has status '1 of 1 workers active, 2 of 6 services ready'
}

cp "$fixtures/scan.png" "$fixtures/letter.docx" .
up
health
documents
up
has up 'Already running'
down
up
health
down
run down make down
has down 'not running'

step "nothing of root's in an ordinary user's home"
find "$HOME" ! -user "$(id -un)" >"$got/alien"
[ ! -s "$got/alien" ] || die "files of another user"
data=/var/lib/hearth
[ "$(id -u)" = 0 ] || data=$HOME/.local/share/hearth
[ -d "$data" ] || die "no data folder $data"

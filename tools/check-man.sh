#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The manual pages are complete and well formed: every command, every setting,
# every option that --help shows, every service; and mandoc finds nothing to
# complain of. Needs a build in build/release.
set -eu
cd "$(dirname "$0")/.."
bin=build/release
bad=0

needs() { # needs PAGE WHAT PATTERN
	grep -Eq -- "$3" "man/$1.1" || {
		echo "man/$1.1 does not describe $2"
		bad=1
	}
}

commands=$(sed -n 's/^CMD(\([a-z_]*\),.*/\1/p' src/cmd/cmds.def)
settings=$(tr '\n' ' ' <src/core/config_keys.def |
	grep -oE 'KEY\([A-Z]+, [A-Z]+, [a-z_]+, "[a-z-]+", +"[A-Z_]*"' |
	sed 's/.*"\([a-z-]*\)", *"\([A-Z_]*\)"/\1 \2/')
[ -n "$commands" ] && [ -n "$settings" ]
[ "$(echo "$settings" | wc -l)" = "$(grep -c '^KEY(' src/core/config_keys.def)" ]

for c in $commands; do
	needs hearth "the command '$c'" "^\.It Cm $c( |\$)"
	for o in $($bin/hearth "$c" --help | grep -oE '^ +(-., )? *--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
		needs hearth "the option '$o' of '$c'" "^\.It Fl ([a-z] , )?-${o#--}( |\$)"
	done
done
echo "$settings" | while read -r flag env; do
	needs hearth "the setting '--$flag'" "^\.It Fl -$flag "
	[ -z "$env" ] || needs hearth "the variable '$env'" "^\.It Ev .*\<$env\>"
	[ "$bad" = 0 ]
done || bad=1
for s in $($bin/hearth-service --list); do
	needs hearth-service "the service '$s'" "^\.It Cm $s\$"
done
for v in $($bin/hearth-service --help | sed -n '/^environment/,$p' | grep -oE '\<(HEARTH_[A-Z_]+|[A-Z]+_PREFIX|TMPDIR)\>'); do
	needs hearth-service "the variable '$v'" "^\.It Ev $v\$"
done
mandoc -Tlint -Wwarning man/*.1 || bad=1
exit $bad

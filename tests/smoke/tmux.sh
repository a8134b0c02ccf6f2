# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# A terminal whose screen a test can read: tmux, with a server of the test's own. Source it after _init.sh.
#
#   tmux_open WIDTHxHEIGHT COMMAND...   runs it in a new terminal; one at a time
#   keys KEY...                         types, in tmux's words for keys
#   screen [-e]                         what is on the screen; -e with colours
#   sees PATTERN [SECONDS]              waits until a line of the screen matches (grep -E), or fails with the screen
#   sees_not PATTERN                    waits until none does
#   tmux_resize WIDTHxHEIGHT
#   tmux_ends STATUS                    waits until the command has ended, with this status
#   tmux_close                          ends it all; for the EXIT trap, too

n_terminals=0

_tmux() {
	tmux -S "$TMP/tmux.$n_terminals" "$@"
}

tmux_open() {
	local size=$1
	shift
	tmux_close
	n_terminals=$((n_terminals + 1)) # a server that ends would take the new one's socket with it
	# A shell stays behind the command: tmux may lose a status, and the last words of what ends at once.
	# shellcheck disable=SC2016 # for that shell
	TERM=xterm-256color _tmux -u -f /dev/null new-session -d -x "${size%x*}" -y "${size#*x}" \
		"$(printf '%q ' bash -c '"$@"; echo $? >"$0"; exec sleep 1000' "$TMP/status.$n_terminals" "$@")" \; \
		set-option -g status off \; set-option -g escape-time 0
	tmux_resize "$size"
}

tmux_resize() {
	_tmux resize-window -x "${1%x*}" -y "${1#*x}"
}

keys() {
	_tmux send-keys "$@"
}

screen() {
	_tmux capture-pane -p "$@"
}

_screen_has() {
	screen | grep -qE -e "$1"
}

_screen_lacks() {
	! _screen_has "$1"
}

sees() {
	wait_until "${2:-5}" _screen_has "$1" || fail "not on the screen: $1"$'\n'"$(screen)"
}

sees_not() {
	wait_until 5 _screen_lacks "$1" || fail "still on the screen: $1"$'\n'"$(screen)"
}

tmux_ends() {
	wait_until 5 test -s "$TMP/status.$n_terminals" || fail "it does not end"$'\n'"$(screen)"
	[ "$(cat "$TMP/status.$n_terminals")" = "$1" ] ||
		fail "it ended with status $(cat "$TMP/status.$n_terminals"), not $1"$'\n'"$(screen)"
}

tmux_close() {
	_tmux kill-server 2>/dev/null || true
}

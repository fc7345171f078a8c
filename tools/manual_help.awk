# Turns what `PROGRAM --help` prints into a man page:
#
#   PROGRAM --help | awk -f manual_roff.awk -f manual_help.awk -v name=NAME -v section=1 \
#       -v what='one line' -v version=1.2.3
#
# What stands under " A heading:", and every "  -o, --option=X   what it does", goes to OPTIONS.

NR == 1 {
    sub(/^Usage: /, "")
    usage = literal($0)
    next
}

/^Mandatory or optional arguments/, /^for any corresponding/ { next }

/^  telemetry / { next } # the page has examples of its own

/^ [A-Z].*:$/ { options = options ".SS " text(substr($0, 2, length($0) - 2)) "\n"; next }

/^  +[^ ].*[^ ]  +[^ ]/ && !/^                    / {
    match($0, /[^ ]  +[^ ]/)
    add(".TP\n.B " literal(trimmed(substr($0, 1, RSTART))) "\n" \
        text(substr($0, RSTART + RLENGTH - 1)) "\n")
    next
}

/^  +[^ ]/ { add(text(trimmed($0)) "\n"); next } # goes on with the line before

{
    in_options = 0
    prose = prose ($0 == "" ? ".PP\n" : text($0) "\n")
}

END {
    gsub(/(\.PP\n)+/, ".PP\n", prose)
    sub(/^\.PP\n/, "", prose)
    sub(/\.PP\n$/, "", prose)
    printf "%s.SH NAME\n%s \\- %s\n", title(name, section), literal(name), text(what)
    printf ".SH SYNOPSIS\n.B %s\n.SH DESCRIPTION\n%s", usage, prose
    printf "%s%s", commands ? ".SH COMMANDS\n" commands : "", options ? ".SH OPTIONS\n" options : ""
}

# A term with what it means: options have dashes, all else is a command.
function add(lines) {
    if (lines ~ /^\.TP\n/)
        in_options = lines ~ /^\.TP\n\.B \\-/
    if (in_options)
        options = options lines
    else
        commands = commands lines
}

function trimmed(line) {
    sub(/^ +/, "", line)
    sub(/ +$/, "", line)
    return line
}

# Prints every #include that crosses a layer it may not, and exits 1 if there is one.
#
#   awk -f tools/check_layers.awk src/LAYERS src/*/*.[ch]
#
# A layer may include itself, what src/LAYERS grants it (a whole layer, or one of its headers),
# telemetry.h and the system. A library's own header is included in one place only, so that the
# library can be replaced there.
BEGIN {
    home["jansson.h"] = "src/base/json.h"
    home["uuid/uuid.h"] = "src/base/*.c"
    home["sqlite3.h"] = "src/store/sqlite*.c"
    home["curl/curl.h"] = "src/deliver/http(_handle)?.[ch]"
    home["zlib.h"] = "src/http/gzip.c"
    home["microhttpd.h"] = "src/http/server*.[ch]"
}

FNR == 1 { split(FILENAME, path, "/"); layer = path[2] }

FILENAME == "src/LAYERS" {
    sub(/#.*/, "")
    if (NF) {
        known[$1] = may[$1, $1] = 1
        for (i = 2; i <= NF; i++)
            may[$1, $i] = 1
    }
    next
}

FNR == 1 && !(layer in known) { complain(layer " is not a layer of src/LAYERS") }

/^[ \t]*#[ \t]*include[ \t]*["<]/ {
    quoted = /include[ \t]*"/
    file = $0
    sub(/^[^"<]*["<]/, "", file)
    sub(/[">].*/, "", file)
    if (file in home) {
        if (!matches(FILENAME, home[file]))
            complain(file " belongs to " home[file] " alone")
    } else if (quoted && file != "telemetry.h") {
        split(file, part, "/")
        if (file !~ /\//)
            complain("write \"" layer "/" file "\", from src/")
        else if (!((layer, part[1]) in may) && !((layer, file) in may))
            complain(layer " may not include " file)
    }
}

END { exit bad }

function complain(text) {
    print FILENAME ":" FNR ": " text
    bad = 1
}

function matches(name, pattern) {
    gsub(/\./, "\\.", pattern)
    gsub(/\*/, "[^/]*", pattern)
    return name ~ "^" pattern "$"
}

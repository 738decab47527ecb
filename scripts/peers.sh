#!/usr/bin/env bash
# npm run peers: brings the real programs that specs talk to and that are not to be installed, into .peers/. It asks for Debian's apt, and npm.
#
#   .peers/containerd/usr/bin/containerd   for spec/peers/containerd.spec.ts: downloaded and unpacked
#   .peers/sass/node_modules               for spec/peers/sass.spec.ts: npm's sass-embedded, whose package has a compiler for each platform;
#                                          not every registry has all of them, and a lock file would have to name them all
#   .peers/ttrpc-go/peer                   for spec/peers/ttrpc-go.spec.ts: built with Go, which is downloaded and unpacked, too
#
# What is there already is left as it is; delete the folder to have it anew.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
mkdir -p .peers

# unpacked FOLDER PACKAGE…: the files of Debian packages, apt's options in $options.
options=()
unpacked() {
  local folder=$1 archives
  shift
  archives=$(mktemp -d)
  chmod 755 "$archives"
  (cd "$archives" && apt-get "${options[@]}" -qq -o APT::Sandbox::User=root -o Acquire::Retries=3 download "$@")
  mkdir -p "$folder"
  for archive in "$archives"/*.deb; do dpkg -x "$archive" "$folder"; done
  rm -r "$archives"
}

if [ ! -x .peers/containerd/usr/bin/containerd ]; then
  unpacked .peers/containerd containerd
fi

if [ ! -d .peers/sass/node_modules/sass-embedded ]; then
  npm install --silent --no-audit --no-fund --no-save --no-package-lock --ignore-scripts --prefix .peers/sass sass-embedded@1.108.2
fi

if [ ! -x .peers/ttrpc-go/peer ] || [ spec/peers/ttrpc-go/main.go -nt .peers/ttrpc-go/peer ]; then
  build=.peers/ttrpc-go/build
  if [ ! -d "$build/usr/lib/go-1.19" ]; then
    rm -rf "$build"
    unpacked "$build" golang-1.19-go golang-1.19-src golang-google-grpc-dev golang-google-protobuf-dev \
      golang-google-genproto-dev golang-github-sirupsen-logrus-dev golang-golang-x-sys-dev golang-github-golang-protobuf-1-5-dev
    # The release before streams is in Debian 12; this one is Debian 13's. apt's own lists stay as they are.
    apt=$top/$build/apt
    mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
    echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main' >"$apt/sources.list"
    options=(-o Dir::State="$apt/state" -o Dir::Cache="$apt/cache" -o Dir::Etc::sourcelist="$apt/sources.list"
      -o Dir::Etc::sourceparts=- -o Dir::State::status=/dev/null -o Acquire::Languages=none)
    apt-get "${options[@]}" -qq -o APT::Sandbox::User=root update
    unpacked "$build" golang-github-containerd-ttrpc-dev
  fi
  export GOROOT=$top/$build/usr/lib/go-1.19 GOPATH=$top/$build/usr/share/gocode GOCACHE=$top/$build/cache GO111MODULE=off CGO_ENABLED=0
  "$GOROOT/bin/go" build -o .peers/ttrpc-go/peer ./spec/peers/ttrpc-go
  rm -rf "$build" # Half a gigabyte, for a program of seven megabytes.
fi

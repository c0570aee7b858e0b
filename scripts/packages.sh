#!/bin/sh
# Installs the Debian packages that a make target needs and says what each is
# for. Usage: scripts/packages.sh run|test|web
set -eu

run_packages='
ffmpeg             publishes and plays the streams of the README
gcc                compiles the parts in C behind the build tag codecs
g++                likewise, for the video compositor
libc6-dev          likewise
libopus-dev        Opus
libopenh264-dev    H.264 of the video compositor
libvpx-dev         VP8 of the video compositor
libyuv-dev         scales the tiles of the video compositor
'
test_packages='
gcc                the race detector of the Go tests, and the parts in C behind the build tag codecs
g++                likewise, for the video compositor
libc6-dev          likewise
libopus-dev        Opus
libopenh264-dev    H.264 of the video compositor
libvpx-dev         VP8 of the video compositor
libyuv-dev         scales the tiles of the video compositor
ffmpeg             publishes and reads every protocol in the tests
gstreamer1.0-tools another RTSP client than ffmpeg
gstreamer1.0-plugins-base   its test picture and converters
gstreamer1.0-plugins-good   its RTSP reader
gstreamer1.0-plugins-bad    its H.264 parser, and another AAC encoder
gstreamer1.0-plugins-ugly   its H.264 encoder
gstreamer1.0-libav          its decoders
gstreamer1.0-rtsp           its RTSP publisher
chromium           WebRTC and the pages in a real browser
fonts-dejavu-core  letters for the browser'"'"'s screenshots
postgresql         the other database
slapd              a real LDAP directory for the tests of logins
ldap-utils         looks into it by hand when one of them fails
pebble             a real ACME server for the tests of certificates
openssl            checks our certificates from outside
strace             kills the server at each of its syncs to disk
python3-aiosmtpd   a mail server that links are sent through
baresip-core       a SIP phone that registers, calls and is called
baresip-ffmpeg     its video codecs
linphone-cli       another SIP phone, for the PIN by its keys
sip-tester         a SIP caller that follows scenarios, and loads the server
mumble-server      the murmurd that asks us who may log in
python3-zeroc-ice  calls our Ice interface like a script made for murmur
curl               speaks to the API like a script
coturn             its client loads our relays; bench/turn measures its server
mumble             the official Mumble client is used as by its user
xvfb               a screen for it
xdotool            its keyboard
pulseaudio         its microphone
'
case "${1:-}" in
run) list=$run_packages ;;
test) list=$test_packages ;;
*) echo "usage: $0 run|test" >&2; exit 2 ;;
esac

missing=''
while read -r name why; do
	[ -n "$name" ] || continue
	dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' && continue
	echo "needs the Debian package $name: $why"
	missing="$missing $name"
done <<EOF
$list
EOF
[ -n "$missing" ] || exit 0

sudo=''
if [ "$(id -u)" -ne 0 ]; then
	sudo=sudo
	command -v sudo >/dev/null || { echo "not root and no sudo: run  apt-get install$missing  as root" >&2; exit 1; }
fi
$sudo apt-get update -qq
# shellcheck disable=SC2086 — one word per package is what is wanted
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null

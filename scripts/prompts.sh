#!/bin/sh
# Speaks the sentences of sip/prompt/text into sip/prompt/sounds: one Ogg Opus
# file of 20 ms frames each. Needs espeak-ng and ffmpeg.
set -eu
cd "$(dirname "$0")/../sip/prompt"
for tool in espeak-ng ffmpeg; do
	command -v "$tool" >/dev/null || { echo "install the Debian package $tool first" >&2; exit 1; }
done
for file in text/*.txt; do
	language=$(basename "$file" .txt)
	mkdir -p "sounds/$language"
	voice=''
	while IFS= read -r line; do
		name=${line%%: *}
		sentence=${line#*: }
		if [ "$name" = voice ]; then
			voice=$sentence
			continue
		fi
		# A moment of silence before the sentence: phones open their ears late.
		printf '%s\n' "$sentence" | espeak-ng -v "$voice" -s 145 --stdout |
			ffmpeg -nostdin -loglevel error -y -i - -af 'loudnorm=I=-18:TP=-3:LRA=7,adelay=200,aresample=48000' \
				-ac 1 -c:a libopus -b:a 16k -application voip -frame_duration 20 -map_metadata -1 \
				-fflags +bitexact -flags:a +bitexact "sounds/$language/$name.opus"
	done <"$file"
done

#!/bin/sh
# Makes the master clips of the practice provider in resources/practice. Run once, by hand, when the list of
# sizes changes; the results are committed, so neither the app nor its tests need ffmpeg.
#
# Each clip is 15.5 s long (the longest order is 15 s), 30 frames per second, H.264 without B-frames and with a
# key frame every second, so that it can be cut by copying packets; AAC sound; index at the front. A flat ground,
# one moving bar, the size and the second as text: pictures that differ per size and cost few bytes.
set -eu
out="$(dirname "$0")/../resources/practice"
mkdir -p "$out"
ground_colours='0x16324f 0x4f1632 0x324f16 0x4f3216 0x32164f 0x164f32 0x5a2a2a 0x2a5a2a 0x2a2a5a 0x5a5a2a 0x5a2a5a 0x2a5a5a 0x444444'
tone=200
for size in 1280x720 720x1280 960x960 1088x832 832x1088 1920x1080 1080x1920 1440x1440 1632x1248 1248x1632 \
  832x480 480x832 624x624; do
  ground=${ground_colours%% *}
  ground_colours=${ground_colours#* }
  tone=$((tone + 20))
  width=${size%x*}
  height=${size#*x}
  ffmpeg -hide_banner -loglevel error -y \
    -f lavfi -i "color=c=$ground:s=$size:r=30:d=15.5" \
    -f lavfi -i "color=c=0xf2c14e:s=$((width / 16))x$((height / 4)):r=30:d=15.5" \
    -f lavfi -i "sine=frequency=$tone:beep_factor=3:sample_rate=48000:duration=15.5" \
    -filter_complex "[0][1]overlay=x='mod(t*W/5,W-w)':y=H-h[bar];[bar]drawtext=text='$width x $height   %{eif\\:t\\:d}':fontcolor=white:fontsize=h/10:x=(w-tw)/2:y=h/3[v]" \
    -map '[v]' -map 2:a -c:v libx264 -preset veryslow -crf 34 -bf 0 -g 30 -keyint_min 30 -sc_threshold 0 \
    -pix_fmt yuv420p -c:a aac -b:a 24k -ac 1 -map_metadata -1 -fflags +bitexact -flags:v +bitexact \
    -flags:a +bitexact -movflags +faststart "$out/$width-$height.mp4"
done
du -ch "$out"/*.mp4 | tail -1

#!/bin/sh
# Makes the files in resources/samples/media, each wrong in one way, for resources/samples/messy.csv. Run once, by
# hand, when they change; the results are committed, so neither the app nor its tests need ffmpeg. Good files are
# those of resources/sample/media. Everything is drawn by formula: nothing here belongs to anybody else.
set -eu
out="$(dirname "$0")/../resources/samples/media"
mkdir -p "$out"
plain='-map_metadata -1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact'

picture() { # picture FILE SIZE [encoder options]: rings around the middle
  file=$1 size=$2
  shift 2
  # shellcheck disable=SC2086 # the options are words
  ffmpeg -hide_banner -loglevel error -y -f lavfi -i "color=c=black:s=$size:d=1:r=1,format=gbrp" \
    -vf "geq=r='128+100*sin(hypot(X-W/2,Y-H/2)/9)':g='90+60*sin(X/17)':b='120+80*sin(Y/23)'" \
    -frames:v 1 $plain "$@" "$out/$file"
}

# Both sides of a picture must have 360 to 2000 px; this one has 200 x 200, the banner 2400 x 480.
picture thumbnail.png 200x200 -pix_fmt rgb24
picture banner.jpg 2400x480 -pix_fmt yuvj420p -q:v 14
# A format that no model takes.
picture sketch.gif 480x480

# A star on nothing: an alpha channel.
# shellcheck disable=SC2086
ffmpeg -hide_banner -loglevel error -y -f lavfi -i "color=c=black@0:s=640x640:d=1:r=1,format=gbrap" \
  -vf "geq=r=250:g=210:b=90:a='if(lt(hypot(X-W/2,Y-H/2),W*(0.22+0.09*cos(5*atan2(Y-H/2,X-W/2)))),255,0)'" \
  -frames:v 1 $plain -pix_fmt rgba -compression_level 100 "$out/cut-out.png"

# 34 s where at most 30 s are taken, and 1 s where at least 2 s are.
# shellcheck disable=SC2086
for length in 34 1; do
  ffmpeg -hide_banner -loglevel error -y -f lavfi -i "testsrc2=s=480x360:r=4:d=$length" -an -c:v libx264 \
    -preset veryslow -crf 40 -pix_fmt yuv420p $plain -movflags +faststart "$out/film-of-$length-s.mp4"
done

# shellcheck disable=SC2086
ffmpeg -hide_banner -loglevel error -y -f lavfi -i "aevalsrc='0.2*sin(2*PI*220*t)':s=22050:d=34" \
  -c:a libmp3lame -b:a 16k -ac 1 $plain "$out/song-of-34-s.mp3"

# A page that was saved in place of the picture.
printf '<!doctype html><title>Sign in</title><p>Please sign in to see this picture.\n' >"$out/saved-page.jpg"

du -ch "$out"/* | tail -1

#!/bin/sh
# Makes the sample references in resources/sample/media. Run once, by hand, when the samples change; the results
# are committed, so neither the app nor its tests need ffmpeg.
#
# The pictures have the exact frames of the size table (1280x720, 720x1280, 960x960, 1088x832), so that the frame of
# an image-to-video clip is known beforehand, and none has an alpha channel. The films are 4 to 6 s of H.264, small
# enough to travel inside a request. Everything is drawn by formula: nothing here belongs to anybody else.
set -eu
out="$(dirname "$0")/../resources/sample/media"
mkdir -p "$out"

draw() { # draw FILE SIZE RED GREEN BLUE [encoder options]: one picture from three formulas of X, Y, W, H
  file=$1 size=$2 red=$3 green=$4 blue=$5
  shift 5
  ffmpeg -hide_banner -loglevel error -y -f lavfi -i "color=c=black:s=$size:d=1:r=1,format=gbrp" \
    -vf "geq=r='$red':g='$green':b='$blue'" -frames:v 1 -map_metadata -1 -fflags +bitexact "$@" "$out/$file"
}

# A low sun, three ranges of hills and its path on the water.
sun='lt(hypot(X-W*0.64,Y-H*0.40),H*0.11)'
glow='150*exp(-hypot(X-W*0.64,Y-H*0.40)/(H*0.34))'
far='gt(Y,H*(0.55+0.05*sin(X/W*9)+0.02*sin(X/W*31)))'
near='gt(Y,H*(0.64+0.06*sin(X/W*6+2)+0.012*sin(X/W*47)))'
lake='gt(Y,H*0.76)'
path='(lt(abs(X-W*0.64),(Y-H*0.70)*0.55)*gt(sin(Y/H*150+sin(X/W*60)),0.1))'
draw lake-at-dusk.jpg 1280x720 \
  "if($lake,38+$path*190,if($near,34,if($far,84,if($sun,255,min(255,90+Y/H*110+$glow)))))" \
  "if($lake,44+$path*110,if($near,30,if($far,58,if($sun,226,60+Y/H*70+$glow*0.62))))" \
  "if($lake,74+$path*30,if($near,56,if($far,96,if($sun,170,120-Y/H*40+$glow*0.2))))" \
  -pix_fmt yuvj420p -q:v 5

# A paper boat on long waves, for a tall frame.
hull='(between(Y,H*0.56,H*0.64)*lt(abs(X-W*0.5),W*0.30-(Y-H*0.56)*1.3))'
sail='(between(Y,H*0.40,H*0.56)*lt(abs(X-W*0.5),(Y-H*0.40)*0.78))'
fold='(between(Y,H*0.40,H*0.56)*between(X-W*0.5,0,(Y-H*0.40)*0.78))'
wave='gt(Y,H*(0.62+0.012*sin(X/W*14)))'
deep='gt(Y,H*(0.74+0.014*sin(X/W*11+2)))'
deeper='gt(Y,H*(0.86+0.016*sin(X/W*8+4)))'
draw paper-boat.png 720x1280 \
  "if($hull+$sail,if($fold,214,245),if($deeper,16,if($deep,26,if($wave,42,250-floor(Y/H*8)*7))))" \
  "if($hull+$sail,if($fold,205,240),if($deeper,58,if($deep,88,if($wave,122,214-floor(Y/H*8)*6))))" \
  "if($hull+$sail,if($fold,190,228),if($deeper,96,if($deep,128,if($wave,160,170+floor(Y/H*8)*5))))" \
  -pix_fmt rgb24 -compression_level 100 -pred mixed

# A ringed planet over a violet night.
disc='lt(hypot(X-W*0.5,Y-H*0.5),W*0.22)'
ring='between(hypot((X-W*0.5)+(Y-H*0.5)*0.35,((Y-H*0.5)-(X-W*0.5)*0.18)*3.4),W*0.30,W*0.40)'
front="($ring*gt((Y-H*0.5)-(X-W*0.5)*0.18,0))"
light='max(0.15,(W*0.30-hypot(X-W*0.42,Y-H*0.42))/(W*0.30))'
band='(1+0.10*sin((Y-X*0.18)/H*70))'
star='(gt(sin(X*12.9898+Y*78.233)*sin(X*39.425-Y*11.135),0.9995))'
draw ringed-planet.webp 960x960 \
  "if($front,226,if($disc,250*$light*$band,if($ring,180,34+Y/H*50+$star*200)))" \
  "if($front,196,if($disc,170*$light*$band,if($ring,150,20+Y/H*18+$star*200)))" \
  "if($front,150,if($disc,110*$light*$band,if($ring,120,58+Y/H*60+$star*180)))" \
  -pix_fmt yuv420p -quality 72

# A detail of the Mandelbrot set, coloured like old glass.
ffmpeg -hide_banner -loglevel error -y \
  -f lavfi -i "mandelbrot=s=1088x832:start_x=-0.743643887:start_y=0.131825904:start_scale=0.012:end_scale=0.012:maxiter=900:rate=1" \
  -vf "gblur=sigma=0.8,hue=h=150:s=0.8" -frames:v 1 -map_metadata -1 -fflags +bitexact -pix_fmt yuvj420p -q:v 9 \
  "$out/glass-garden.jpg"

film() { # film FILE SECONDS GRAPH FORMULA_OF_SOUND_OR_EMPTY
  file=$1 seconds=$2 graph=$3 sound=$4
  if [ -n "$sound" ]; then
    set -- -f lavfi -i "aevalsrc='$sound':s=44100:d=$seconds" -c:a aac -b:a 48k -ac 1
  else
    set -- -an
  fi
  ffmpeg -hide_banner -loglevel error -y -f lavfi -i "$graph" "$@" -t "$seconds" -c:v libx264 -preset veryslow \
    -crf 30 -g 48 -pix_fmt yuv420p -map_metadata -1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact \
    -movflags +faststart "$out/$file"
}

veil='exp(-pow((Y/H-0.42-0.14*sin(X/W*5+T*0.9)-0.06*sin(X/W*13-T*1.3))*5,2))'
ray='(0.55+0.45*sin(X/W*38+T*1.7+2*sin(X/W*7)))'
# A northern light that drifts (with a soft fifth), a colony that lives, a dive into a fractal.
film aurora.mp4 5 \
  "color=c=black:s=320x180:r=24:d=5,format=gbrp,geq=r='14+70*$veil*(1-Y/H)':g='24+210*$veil*$ray':b='58+60*(1-Y/H)+90*$veil*(1-$ray)',scale=640:360:flags=bicubic" \
  "0.12*sin(2*PI*196*t)*(1-exp(-3*t))+0.08*sin(2*PI*294*t)*(0.6+0.4*sin(2*PI*0.7*t))"
film colony.mp4 4 \
  "life=s=64x36:r=8:ratio=0.33:seed=11:mold=12:life_color=0xffd166:death_color=0x073b4c:mold_color=0x118ab2,scale=640:360:flags=neighbor,fps=24" \
  ""
film deep-dive.mp4 6 \
  "mandelbrot=s=640x360:r=24:start_x=-0.743643887:start_y=0.131825904:start_scale=1.6:end_scale=0.05:end_pts=150:maxiter=400,gblur=sigma=1.2,hue=h=40:s=0.9" \
  "0.14*sin(2*PI*(110+6*t)*t)*(0.7+0.3*sin(2*PI*2*t))"

# Four bars of a small waltz.
note='exp(-4*mod(t,0.33333))'
ffmpeg -hide_banner -loglevel error -y -f lavfi \
  -i "aevalsrc='0.22*$note*(sin(2*PI*t*if(lt(mod(t,1),0.33333),220,if(lt(mod(t,1),0.66667),330,440))*if(lt(mod(t,4),2),1,if(lt(mod(t,4),3),1.18921,1.12246)))+0.3*sin(4*PI*t*330))':s=44100:d=4" \
  -c:a libmp3lame -b:a 64k -ac 1 -map_metadata -1 -fflags +bitexact "$out/waltz.mp3"

du -ch "$out"/* | tail -1

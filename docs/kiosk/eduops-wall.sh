#!/bin/sh
# The wall in kiosk mode: Debian or Raspberry Pi OS with Chromium, X11 or Wayland, no keyboard, no mouse.
#   sh eduops-wall.sh 'http://eduops.example:8050/?rotate=45&dim=18-6'
# What a browser that crashed leaves is removed, so no bubble asks about it; a browser that ends is started again.
set -eu
address=${1:?usage: eduops-wall.sh ADDRESS}
profile=${XDG_CACHE_HOME:-$HOME/.cache}/eduops-wall
browser=$(command -v chromium || command -v chromium-browser) || { echo "install chromium" >&2; exit 1; }

# No blank screen: X11 has its own saver; under Wayland the compositor's is turned off in its settings.
if command -v xset >/dev/null && [ -n "${DISPLAY:-}" ]; then
    xset s off -dpms || true
fi
while true; do
    rm -rf "$profile"
    "$browser" --kiosk --user-data-dir="$profile" --no-first-run --noerrdialogs --disable-infobars \
        --disable-session-crashed-bubble --disable-features=Translate --disable-component-update \
        --password-store=basic --autoplay-policy=no-user-gesture-required --hide-scrollbars "$address" || true
    sleep 5
done

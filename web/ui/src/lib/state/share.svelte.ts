import { sentence } from '$lib/api/client';
import { tak } from '$lib/api/tak';
import { between, type Place } from '$lib/geo/distance';
import { t } from '$lib/strings';
import { placeOf } from '$lib/tak/picture';
import { session } from './session.svelte';
import { situation } from './situation.svelte';
import { toasts } from './toasts.svelte';

/** A standing person is told of again after so long (ms), a moving one after so many metres. */
const heartbeat = 30_000;
const far = 5;

/** The place of this browser, told to the groups of its person while that is switched on. */
class Share {
  on = $state(false);
  own = $state.raw<Place | null>(null);
  #watch = 0;
  #sentAt = 0;
  #sent: Place | null = null;

  /** Where this person is: this browser, else a device of the same person. */
  get place(): Place | null {
    if (this.own) return this.own;
    const mine = situation.contacts.find((c) => c.user === session.me?.user && c.connected && placeOf(undefined, c));
    return placeOf(undefined, mine);
  }

  start(): void {
    if (!('geolocation' in navigator)) {
      toasts.say(t.map.noGeolocation, 'bad');
      return;
    }
    this.on = true;
    this.#watch = navigator.geolocation.watchPosition(
      (p) => void this.#tell(p),
      (e) => {
        toasts.say(e.code === e.PERMISSION_DENIED ? t.map.geolocationDenied : t.map.noPosition, 'bad');
        if (e.code === e.PERMISSION_DENIED) this.stop();
      },
      { enableHighAccuracy: true, maximumAge: 5000 },
    );
  }

  stop(): void {
    navigator.geolocation?.clearWatch(this.#watch);
    this.on = false;
    this.own = null;
    this.#sent = null;
    if (situation.uid) void tak.removeItem(situation.uid).catch(() => undefined);
  }

  async #tell({ coords }: GeolocationPosition): Promise<void> {
    const place = { lat: coords.latitude, lon: coords.longitude };
    this.own = place;
    const now = Date.now();
    if (this.#sent && now - this.#sentAt < heartbeat && between(this.#sent, place).metres < far) return;
    this.#sent = place;
    this.#sentAt = now;
    try {
      await tak.addItem({
        ...{ uid: situation.uid, type: 'a-f-G-U-C', callsign: session.me?.user ?? '', staleMinutes: 5 },
        ...place,
        ...(coords.altitude === null ? {} : { hae: coords.altitude }),
      });
    } catch (e) {
      this.#sent = null;
      toasts.say(sentence(e), 'bad');
    }
  }
}

export const share = new Share();

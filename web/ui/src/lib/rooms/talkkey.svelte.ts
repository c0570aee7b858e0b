/** The key that talks, on this device: by its place on the keyboard (KeyboardEvent.code). */
import { recall, remember } from '$lib/state/prefs';
import { canTalkBy } from './talk';

class TalkKey {
  code = $state(recall('rooms.talkKey', 'Space'));

  set(code: string): void {
    if (!canTalkBy(code)) return;
    this.code = code;
    remember('rooms.talkKey', code);
  }
}

export const talkKey = new TalkKey();

/** On which side of the screen the button to talk is: where the thumb is. */
import { recall, remember } from '$lib/state/prefs';

export const sides = ['left', 'middle', 'right'] as const;
export type Side = (typeof sides)[number];

class TalkSide {
  side = $state<Side>(recall<Side>('rooms.talkSide', 'middle'));

  set(side: Side): void {
    this.side = side;
    remember('rooms.talkSide', side);
  }
}

export const talkSide = new TalkSide();

/** On which side of the screen the button to talk is: where the thumb is. */
import { direction } from '$lib/locale';
import { recall, remember } from '$lib/state/prefs';

export const sides = ['left', 'middle', 'right'] as const;
export type Side = (typeof sides)[number];

class TalkSide {
  side = $state<Side>(recall<Side>('rooms.talkSide', 'middle'));
  /** The side as lines are read; '' is the middle. */
  get edge(): '' | 'start' | 'end' {
    if (this.side === 'middle') return '';
    return (this.side === 'left') === (direction === 'ltr') ? 'start' : 'end';
  }

  set(side: Side): void {
    this.side = side;
    remember('rooms.talkSide', side);
  }
}

export const talkSide = new TalkSide();

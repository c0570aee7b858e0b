import { arranged, gridOf, moved } from '$lib/arrange';
import { match } from '$lib/match';
import { groupFilter } from './groups.svelte';
import { recall, remember } from './prefs';
import { streams } from './streams.svelte';

/** Tiles per screen that one can choose; 0 is as many as there are. */
export const sizes = [0, 1, 4, 9, 16, 25] as const;

/** What the wall shows and how, remembered on this device. */
class WallState {
  filter = $state('');
  size = $state<number>(recall('wall.size', 0));
  order = $state<string[]>(recall<string[]>('wall.order', []));
  /** Streams of the groups that are on, in the arranged order, narrowed by what was typed. */
  shown = $derived.by(() => {
    const fit = streams.all.filter((s) => groupFilter.shows(s) && match(this.filter, `${s.name} ${s.user} ${s.groups.join(' ')}`));
    const byName = new Map(fit.map((s) => [s.name, s]));
    return arranged([...byName.keys()], this.order).map((name) => byName.get(name)!);
  });
  grid = $derived(gridOf(this.size, this.shown.length));

  setSize(size: number): void {
    this.size = size;
    remember('wall.size', size);
  }

  /** Puts one tile where another is. */
  move(name: string, target: string): void {
    this.order = moved(
      this.shown.map((s) => s.name),
      this.order,
      name,
      target,
    );
    remember('wall.order', this.order);
  }
}

export const wall = new WallState();

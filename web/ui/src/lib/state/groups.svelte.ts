import { compareNames } from '$lib/locale';
import { recall, remember } from './prefs';
import { session } from './session.svelte';
import { situation } from './situation.svelte';
import { streams } from './streams.svelte';

/** The groups one sees, and which of them are switched off on this device. */
class GroupFilter {
  hidden = $state<string[]>(recall<string[]>('groups.hidden', []));
  /** One's own groups and, for those who see more, the groups of what is there. */
  names = $derived(
    [...new Set([...(session.me?.groups ?? []).filter((g) => g.out || g.in).map((g) => g.group), ...streams.all.flatMap((s) => s.groups), ...situation.groups])].sort(
      compareNames,
    ),
  );

  isOn(group: string): boolean {
    return !this.hidden.includes(group);
  }

  toggle(group: string): void {
    this.hidden = this.isOn(group) ? [...this.hidden, group] : this.hidden.filter((g) => g !== group);
    remember('groups.hidden', this.hidden);
  }

  showAll(): void {
    this.hidden = [];
    remember('groups.hidden', this.hidden);
  }

  /** Something is shown while one of its groups is on; what has no groups always is. */
  shows(what: { groups: string[] }): boolean {
    return what.groups.length === 0 || what.groups.some((g) => this.isOn(g));
  }
}

export const groupFilter = new GroupFilter();

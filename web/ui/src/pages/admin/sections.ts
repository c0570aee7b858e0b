import type { Me } from '$lib/api/types';
import { adminSections, type AdminSection } from '$lib/state/router.svelte';

/** The admin pages that a person's role opens, in the order of the menu. */
export function visibleSections(me: Me | null): AdminSection[] {
  if (me?.role === 'admin') return [...adminSections];
  if (me?.role === 'operator') return ['devices', 'sessions', 'streams', 'tokens', 'certificates', 'health'];
  return [];
}

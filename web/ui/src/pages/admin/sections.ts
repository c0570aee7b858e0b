import type { Me } from '$lib/api/types';
import type { AdminSection } from '$lib/state/router.svelte';

/** The admin pages that a person's role opens, in the order of the menu. */
export function visibleSections(me: Me | null): AdminSection[] {
  if (me?.role === 'admin') return ['people', 'tokens', 'sessions', 'certificates', 'streams', 'health'];
  if (me?.role === 'operator') return ['sessions', 'streams', 'tokens', 'certificates', 'health'];
  return [];
}

package auth

import "context"

// RefreshAll is one round of what Run does from time to time.
func (s *Service) RefreshAll(ctx context.Context) error { return s.refreshAll(ctx) }

// CloseDirectories is what the end of Run does.
func (s *Service) CloseDirectories() { s.closeDirectories() }

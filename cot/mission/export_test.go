package mission

import "context"

// Expire lets tests do what Run does from time to time.
func (s *Service) Expire(ctx context.Context) { s.expire(ctx) }

package history

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"muster/internal/auth"
)

// audiences is every set of groups that something was published to.
type audiences map[int64][]string

func readAudiences(ctx context.Context, q bun.IDB) (audiences, error) {
	var rows []audienceRow
	if err := q.NewSelect().Model(&rows).Scan(ctx); err != nil {
		return nil, fmt.Errorf("history: read the audiences: %w", err)
	}
	out := make(audiences, len(rows))
	for _, r := range rows {
		out[r.ID] = stringsOf(r.Groups)
	}
	return out, nil
}

// allowed lists the audiences on which id may do a.
func (as audiences) allowed(id auth.Identity, a auth.Action) []int64 {
	var out []int64
	for n, groups := range as {
		if auth.Allow(id, a, auth.Data("the history", groups)) == nil {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// view is what one caller may see at the time of one question.
type view struct {
	s         *Service
	id        auth.Identity
	audiences audiences
	visible   []int64
	missions  map[string]bool // asked so far
	uids      []string        // of the caller's own devices
}

func (s *Service) view(ctx context.Context, id auth.Identity) (*view, error) {
	as, err := readAudiences(ctx, s.deps.DB.Query())
	if err != nil {
		return nil, err
	}
	return &view{s: s, id: id, audiences: as, visible: as.allowed(id, auth.Read), missions: make(map[string]bool)}, nil
}

// where narrows a query to the audiences that the caller may see.
func (v *view) where(q *bun.SelectQuery, column string) *bun.SelectQuery {
	switch {
	case len(v.visible) == 0:
		return q.Where("1 = 0")
	case len(v.visible) == len(v.audiences):
		return q
	}
	return q.Where("? IN (?)", bun.Ident(column), bun.List(v.visible))
}

func (v *view) sees(audience int64) bool {
	_, found := slices.BinarySearch(v.visible, audience)
	return found
}

// addressed is how something was sent to single clients or a mission.
type addressed struct {
	sender   string // user
	audience int64
	private  bool
	readers  string
	mission  string
	peerUID  string // of a direct message to somebody whose user was not known
}

// may reports whether the caller may see something. What is private is seen by
// who sent it, and by those it was addressed to as long as they read one of its
// groups.
func (v *view) may(ctx context.Context, a addressed) bool {
	// Clients without a login share one name, so it makes nobody an end.
	person := v.id.User != "" && !v.id.System
	if person && a.sender == v.id.User {
		return true
	}
	if !a.private {
		return v.sees(a.audience)
	}
	if a.mission != "" && v.mission(ctx, a.mission) {
		return true
	}
	if !person || !v.sees(a.audience) {
		return false
	}
	return slices.Contains(stringsOf(a.readers), v.id.User) || a.peerUID != "" && slices.Contains(v.uids, a.peerUID)
}

func (v *view) mission(ctx context.Context, name string) bool {
	may, asked := v.missions[name]
	if !asked {
		v.s.mu.Lock()
		m := v.s.missions
		v.s.mu.Unlock()
		may = m != nil && m.MayRead(ctx, v.id, name)
		v.missions[name] = may
	}
	return may
}

// own reads the uids of the caller's own devices.
func (v *view) own(ctx context.Context) error {
	err := v.s.deps.DB.Query().NewSelect().Model((*deviceRow)(nil)).Column("uid").Where("user_name = ?", v.id.User).
		Limit(1000).Scan(ctx, &v.uids)
	if err != nil {
		return fmt.Errorf("history: read the devices: %w", err)
	}
	return nil
}

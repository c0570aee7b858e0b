package mission

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"muster/internal/bus"
)

// edit is a change under way. It is made anew each time its transaction runs.
type edit struct {
	ctx  context.Context
	tx   bun.Tx
	c    Caller
	m    missionRow // as read in the transaction; save writes it
	role Role       // of the caller
	now  int64

	changes []changeRow // to be written and told
	subs    []subRow    // of the mission, as the transaction leaves them; for telling
	seq     int64       // of the last change; 0 is not known
}

// change runs f on the mission that ref names if c has the permission, in one
// transaction with the record of what f adds to the history, and then tells of it.
// tell is called after the commit, still in the order of the transactions.
func (s *Service) change(ctx context.Context, c Caller, ref Ref, p Permission, f func(e *edit) error, tell func(e *edit)) (Mission, error) {
	m, err := find(ctx, s.db.Query(), c.Identity, ref)
	if err != nil {
		return Mission{}, err
	}
	defer s.lock(m.GUID).Unlock()
	var done *edit
	err = s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		e := &edit{ctx: ctx, tx: tx, c: c, now: s.time()}
		var err error
		if e.m, e.role, err = s.may(ctx, tx, c, Ref{GUID: m.GUID}, p); err != nil {
			return err
		}
		if err := f(e); err != nil {
			return err
		}
		done = e
		return s.finish(e)
	})
	if err != nil {
		return Mission{}, err
	}
	s.told(done, tell)
	return whole(ctx, s.db.Query(), done.m, done.role)
}

// finish writes the changes of e and reads who is to be told.
func (s *Service) finish(e *edit) error {
	if len(e.changes) > 0 {
		var last int64
		err := e.tx.NewSelect().Model((*changeRow)(nil)).ColumnExpr("COALESCE(MAX(seq), 0)").Where("mission = ?", e.m.GUID).Scan(e.ctx, &last)
		if err != nil {
			return fmt.Errorf("mission: number a change: %w", err)
		}
		for i := range e.changes {
			last++
			e.changes[i].Mission, e.changes[i].Seq, e.changes[i].Time = e.m.GUID, last, e.now
		}
		if err := insertAll(e, e.changes); err != nil {
			return err
		}
		e.seq = last
	}
	e.m.Edited = e.now
	if _, err := e.tx.NewUpdate().Model(&e.m).WherePK().Exec(e.ctx); err != nil {
		return fmt.Errorf("mission: write a mission: %w", err)
	}
	if err := e.tx.NewSelect().Model(&e.subs).Where("mission = ?", e.m.GUID).Scan(e.ctx); err != nil {
		return fmt.Errorf("mission: read subscriptions: %w", err)
	}
	return nil
}

// insertChunk keeps the number of parameters of one statement small.
const insertChunk = 100

func insertAll[T any](e *edit, rows []T) error {
	for len(rows) > 0 {
		n := min(len(rows), insertChunk)
		part := rows[:n]
		if _, err := e.tx.NewInsert().Model(&part).Exec(e.ctx); err != nil {
			return fmt.Errorf("mission: write: %w", err)
		}
		rows = rows[n:]
	}
	return nil
}

// told counts and tells what was committed. The caller holds the mission's lock.
func (s *Service) told(e *edit, tell func(e *edit)) {
	s.n.changes.Add(int64(len(e.changes)))
	if tell != nil {
		tell(e)
	}
	word := "CHANGE"
	switch {
	case e.m.Deleted != 0:
		word = "DELETE"
	case e.m.Created == e.now:
		word = "CREATE"
	}
	s.bus.Publish(bus.Fact{Kind: FactChanged, Data: Changed{Name: e.m.Name, GUID: e.m.GUID, Change: word}, Groups: full(e.m.Groups.V)})
}

// add records a change.
func (e *edit) add(t ChangeType, item string, c changeContent) {
	e.changes = append(e.changes, changeRow{Type: t, CreatorUID: e.c.UID, Item: item, Content: doc[changeContent]{c}})
}

// public returns the changes of e.
func (e *edit) public() []Change {
	out := make([]Change, len(e.changes))
	for i, r := range e.changes {
		out[i] = r.public(e.m)
	}
	return out
}

// clear removes rows of a table of this mission. where names a column and its
// value; it reports whether there was one.
func (e *edit) clear(model any, column, value string) (bool, error) {
	res, err := e.tx.NewDelete().Model(model).Where("mission = ? AND ? = ?", e.m.GUID, bun.Ident(column), value).Exec(e.ctx)
	if err != nil {
		return false, fmt.Errorf("mission: remove: %w", err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

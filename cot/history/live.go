package history

import (
	"context"
	"fmt"

	"muster/cot"
	"muster/internal/auth"
)

// Live reads chat from an event that has just been delivered to id, without
// waiting for the disk: a message as id sees it, or for a receipt the id of the
// message that it is about.
func Live(e *cot.Event, id auth.Identity) (m Message, about string, ok bool) {
	in, err := sortOut(e)
	switch {
	case err != nil:
		return Message{}, "", false
	case in.what == isChat:
		v := view{id: id}
		return v.message(&in.chat), "", true
	case in.what == isReceipt:
		return Message{}, in.receipt.message, true
	}
	return Message{}, "", false
}

// Message returns a chat message that id may read, by the id its sender gave it.
// The error is ErrNotFound if there is none.
func (s *Service) Message(ctx context.Context, id auth.Identity, message string) (Message, error) {
	v, err := s.view(ctx, id)
	if err != nil {
		return Message{}, err
	}
	if err := v.own(ctx); err != nil {
		return Message{}, err
	}
	var rows []*chatRow
	if err := v.chat(&rows, "", now()+1).Where("message_id = ?", message).Limit(10).Scan(ctx); err != nil {
		return Message{}, fmt.Errorf("history: read a message: %w", err)
	}
	for _, r := range rows {
		if v.may(ctx, r.addressed()) {
			return v.message(r), nil
		}
	}
	return Message{}, ErrNotFound
}

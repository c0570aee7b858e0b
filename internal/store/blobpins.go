package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
)

// Pin keeps a blob from being removed until Unpin; the error wraps ErrNoBlob if
// it is not there. It is for rows that name a blob that is stored already.
func (b *Blobs) Pin(ctx context.Context, hash string) error {
	if !IsHash(hash) {
		return fmt.Errorf("store: %w", ErrNoBlob)
	}
	if err := b.pin(ctx, hash); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if _, err := b.root.Stat(blobPath(hash)); err != nil {
		b.Unpin(hash)
		return fmt.Errorf("store: %w", noBlob(err))
	}
	return nil
}

func (b *Blobs) pin(ctx context.Context, hash string) error {
	for {
		b.mu.Lock()
		ended, busy := b.removing[hash]
		if !busy {
			b.pins[hash]++
			b.mu.Unlock()
			return nil
		}
		b.mu.Unlock()
		select {
		case <-ended:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Unpin takes back one Put or Pin.
func (b *Blobs) Unpin(hash string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pins[hash]--; b.pins[hash] <= 0 {
		delete(b.pins, hash)
	}
}

// Remove removes a blob unless it is pinned, a backup is being made, or used
// says that a row names it. It asks used while nobody can pin the blob. What it
// leaves for another reason than used, a later clean-up finds.
func (b *Blobs) Remove(hash string, used func() (bool, error)) error {
	if !IsHash(hash) || !b.beginRemoval(hash) {
		return nil
	}
	defer b.endRemoval(hash)
	inUse, err := used()
	if err != nil || inUse {
		return err
	}
	if err := b.root.Remove(blobPath(hash)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("store: remove a file: %w", err)
	}
	return nil
}

func (b *Blobs) beginRemoval(hash string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.removing[hash] != nil || b.pins[hash] > 0 || b.holds > 0 {
		return false
	}
	b.removing[hash] = make(chan struct{})
	return true
}

func (b *Blobs) endRemoval(hash string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.removing[hash])
	delete(b.removing, hash)
}

// hold keeps every blob until the function it returns is called. It waits for
// removals under way.
func (b *Blobs) hold(ctx context.Context) (release func(), err error) {
	b.mu.Lock()
	b.holds++
	var busy []chan struct{}
	for _, ended := range b.removing {
		busy = append(busy, ended)
	}
	b.mu.Unlock()
	release = sync.OnceFunc(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.holds--
	})
	for _, ended := range busy {
		select {
		case <-ended:
		case <-ctx.Done():
			release()
			return nil, context.Cause(ctx)
		}
	}
	return release, nil
}

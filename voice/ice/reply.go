package ice

import (
	"errors"
	"fmt"
	"slices"
)

// The states of replies.
const (
	replyOK            = 0
	replyUser          = 1
	replyNoObject      = 2
	replyNoFacet       = 3
	replyNoOperation   = 4
	replyUnknownLocal  = 5
	replyUnknownUser   = 6
	replyUnknown       = 7
	maxExceptionSlices = 16
)

// ErrNotExist is wrapped by the error of a call to an object, facet or operation
// that the other side does not have.
var ErrNotExist = errors.New("it is not there")

// ErrUnknown is wrapped by the error of a call that the other side could not
// carry out for a reason of its own.
var ErrUnknown = errors.New("the other side is at fault")

// UserError is an exception of the interface that was called. Only its types are
// known; murmur's exceptions hold nothing else.
type UserError struct {
	Types []string // "::Murmur::InvalidSecretException", …: most derived first
}

func (e *UserError) Error() string {
	if len(e.Types) == 0 {
		return "an exception without a type"
	}
	return e.Types[0]
}

// Reply is the answer to a request.
type Reply struct {
	status byte
	body   []byte
}

// OK answers with out parameters in order, then the return value.
func OK(e *Encoder) Reply {
	var out Encoder
	if e == nil {
		e = &Encoder{}
	}
	out.encapsulation(e.b)
	return Reply{replyOK, out.b}
}

// Throw answers with a user exception without members.
func Throw(err *UserError) Reply {
	var e, out Encoder
	e.Bool(false) // uses no classes
	for _, t := range err.Types {
		e.String(t)
		e.sized(func() {})
	}
	out.encapsulation(e.b)
	return Reply{replyUser, out.b}
}

func notExist(status byte, r *Request) Reply {
	var e Encoder
	e.Identity(r.Object)
	e.facet(r.Facet)
	e.String(r.Op)
	return Reply{status, e.b}
}

// NoObject answers that there is no such object.
func NoObject(r *Request) Reply { return notExist(replyNoObject, r) }

// NoFacet answers that the object has no such facet.
func NoFacet(r *Request) Reply { return notExist(replyNoFacet, r) }

// NoOperation answers that the object has no such operation.
func NoOperation(r *Request) Reply { return notExist(replyNoOperation, r) }

// Fault answers that the call could not be carried out; text goes to the caller.
func Fault(text string) Reply {
	var e Encoder
	e.String(text)
	return Reply{replyUnknown, e.b}
}

// Failed reports whether the reply is anything but a success.
func (r Reply) Failed() bool { return r.status != replyOK }

// encode returns the message of the reply to request id.
func (r Reply) encode(id int32) []byte {
	var e Encoder
	e.Int(id)
	e.Byte(r.status)
	e.Raw(r.body)
	return message(msgReply, e.b)
}

// parseReply reads the body of a reply. result is set if the call went well, err
// says why it did not; a reply that cannot be read gives bad.
func parseReply(body []byte) (id int32, result *Decoder, err, bad error) {
	d := NewDecoder(body)
	id = d.Int()
	switch status := d.Byte(); status {
	case replyOK:
		result = d.encapsulation()
	case replyUser:
		err = parseException(d.encapsulation())
	case replyNoObject, replyNoFacet, replyNoOperation:
		object := d.Identity()
		_ = d.facet()
		op := d.String()
		what := [3]string{"object", "facet", "operation"}[status-replyNoObject]
		err = fmt.Errorf("ice: %s of %s/%s %s: %w", what, object.Category, object.Name, op, ErrNotExist)
	case replyUnknownLocal, replyUnknownUser, replyUnknown:
		err = fmt.Errorf("ice: %w: %.200q", ErrUnknown, d.String())
	default:
		d.fail("a reply of state %d", status)
	}
	if bad := d.End(); bad != nil {
		return id, nil, nil, fmt.Errorf("ice: read a reply: %w", bad)
	}
	if errors.Is(err, ErrMalformed) {
		return id, nil, nil, err
	}
	return id, result, err, nil
}

// parseException reads the types of a user exception. Encoding 1.0 gives a
// length for each, 1.1 a flag.
func parseException(d *Decoder) error {
	var types []string
	if !d.v11 {
		d.Bool() // uses classes
	}
	for d.Err() == nil && d.Left() > 0 {
		if len(types) == maxExceptionSlices {
			d.fail("too many slices")
			break
		}
		if !d.v11 {
			types = append(types, d.String())
			d.take(int(d.Int()) - 4)
			continue
		}
		flags := d.Byte()
		types = append(types, d.String())
		if flags&sliceHasSize != 0 {
			d.take(int(d.Int()) - 4)
		}
		if flags&sliceIsLast != 0 {
			break
		}
	}
	if d.Err() == nil && len(types) == 0 {
		d.fail("an exception without a type")
	}
	if d.Err() != nil {
		return fmt.Errorf("ice: read an exception: %w", d.Err())
	}
	return &UserError{Types: types}
}

// Flags of slices in encoding 1.1.
const (
	sliceHasSize = 0x10
	sliceIsLast  = 0x20
)

// ReplyIsA answers ice_isA, ice_ids, ice_id and ice_ping for an object of the
// given types, and reports whether r was one of them. The first type is the one
// that the object says it is.
func ReplyIsA(r *Request, types []string) (Reply, bool) {
	var e Encoder
	switch r.Op {
	case "ice_ping":
	case "ice_isA":
		want := r.Params.String()
		if r.Params.Err() != nil {
			return Fault("the parameters cannot be read"), true
		}
		e.Bool(want == objectType || slices.Contains(types, want))
	case "ice_id":
		e.String(types[0])
	case "ice_ids":
		ids := append(slices.Clone(types), objectType)
		slices.Sort(ids)
		e.Strings(ids)
	default:
		return Reply{}, false
	}
	return OK(&e), true
}

const objectType = "::Ice::Object"

// Result returns what the caller makes of the reply: a decoder of its results, or
// the error of the call.
func (r Reply) Result() (*Decoder, error) {
	_, result, err, bad := parseReply(r.encode(1)[headerSize:])
	if bad != nil {
		return nil, bad
	}
	return result, err
}

package command

import (
	"bytes"
	"context"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/seamount-dev/seamount/ceph"
)

// quoted bounds how much of an answer that cannot be understood an error quotes.
const quoted = 60

// ask sends a command and decodes its JSON answer into a T, see decode.
func ask[T any](ctx context.Context, a *Admin, r Request) (T, error) {
	reply, err := a.transport.Send(ctx, r)
	if err != nil {
		var none T
		return none, err
	}
	return decode[T](r, reply.Output)
}

// do sends a command whose answer says no more than that it was done, and
// returns Ceph's words for it.
func (a *Admin) do(ctx context.Context, r Request) (string, error) {
	reply, err := a.transport.Send(ctx, r)
	return reply.Status, err
}

// act is do for commands whose words do not matter either.
func (a *Admin) act(ctx context.Context, r Request) error {
	_, err := a.do(ctx, r)
	return err
}

// decode reads an answer into a T. A T says by its types what an answer must
// have: a field that is a pointer is required, any other may be absent, and
// fields that T does not name are ignored. So an object that another command
// answered, a null or a truncated text is ceph.ErrMalformed.
func decode[T any](r Request, output []byte) (T, error) {
	var v, none T
	if err := json.Unmarshal(output, &v); err != nil {
		return none, r.malformed(output, unmarshalReason(err))
	}
	if bytes.Equal(bytes.TrimSpace(output), []byte("null")) {
		return none, r.malformed(output, "is null")
	}
	if field := missing(reflect.ValueOf(&v).Elem(), ""); field != "" {
		return none, r.malformed(output, "lacks "+field)
	}
	if c, ok := any(v).(checker); ok {
		if err := c.check(); err != nil {
			return none, r.malformed(output, "has "+err.Error())
		}
	}
	return v, nil
}

// decodeEach reads an answer that is several values one behind the other.
func decodeEach[T any](r Request, output []byte) ([]T, error) {
	var out []T
	for in := json.NewDecoder(bytes.NewReader(output)); ; {
		var one json.RawMessage
		err := in.Decode(&one)
		if errors.Is(err, io.EOF) && len(out) > 0 {
			return out, nil
		}
		if err != nil {
			return nil, r.malformed(output, unmarshalReason(err))
		}
		v, err := decode[T](r, one)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
}

// checker is an answer with values that no type can rule out. What passed its
// check can be turned into a value of package ceph without fail.
type checker interface{ check() error }

// malformed is the error of an answer that could not be understood. It quotes
// the answer's first bytes, unless they may hold a key.
func (r Request) malformed(output []byte, reason string) error {
	text := "the answer " + reason
	if !r.Keyed {
		text += "; it begins " + strconv.Quote(redactKeys(string(output[:min(len(output), quoted)])))
	}
	return &ceph.Error{Op: r.Op, Target: r.Subject, Kind: ceph.ErrMalformed, Text: text}
}

// unmarshalReason puts the encoder's words into terms of the answer: the names
// of Go types help nobody, and the value itself may be a key.
func unmarshalReason(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		value, _, _ := strings.Cut(wrong.Value, " ")
		if wrong.Field == "" {
			return "is of another kind (" + value + ")"
		}
		return fmt.Sprintf("has the wrong kind of value (%s) at %q", value, wrong.Field)
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("is no JSON from byte %d on", syntax.Offset)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "ends early"
	}
	return "has " + redactKeys(err.Error())
}

// missing returns the path of the first required field that v lacks, or "".
func missing(v reflect.Value, path string) string {
	if !demands(v.Type()) {
		return ""
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return path
		}
		return missing(v.Elem(), path)
	case reflect.Struct:
		return missingInStruct(v, path)
	case reflect.Slice:
		for i := range v.Len() {
			if m := missing(v.Index(i), path+"["+strconv.Itoa(i)+"]"); m != "" {
				return m
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if m := missing(it.Value(), path+"."+it.Key().String()); m != "" {
				return m
			}
		}
	}
	return ""
}

func missingInStruct(v reflect.Value, path string) string {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name := path
		if !field.Anonymous {
			name = strings.TrimPrefix(path+"."+field.Tag.Get("json"), ".")
		}
		if m := missing(v.Field(i), name); m != "" {
			return m
		}
	}
	return ""
}

// demanding remembers of each type whether a value of it can lack something.
var demanding sync.Map // reflect.Type -> bool

func demands(t reflect.Type) bool {
	if known, ok := demanding.Load(t); ok {
		return known.(bool)
	}
	d := false
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			d = d || demands(t.Field(i).Type)
		}
		d = d && !readsItself(t)
	case reflect.Pointer:
		d = true
	case reflect.Slice, reflect.Map:
		d = demands(t.Elem())
	}
	demanding.Store(t, d)
	return d
}

// readsItself tells whether a type has a reader of its own, such as a time:
// what that leaves unset is its own matter.
func readsItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) || p.Implements(reflect.TypeFor[json.Unmarshaler]())
}

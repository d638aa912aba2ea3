package upstream

import (
	"context"
	"errors"
	"io"
	"net/http"

	"sluicegate.dev/sluice/internal/spool"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// respondPiped takes the answer from the backend at the backend's speed and gives it to the
// client at the client's. The worker is free when its last byte is in the pipe.
func (u *Upstream) respondPiped(out *clientWriter, r *http.Request, x *routing.Exchange, k *call) {
	pipe := u.space.Pipe()
	filled := make(chan struct{})
	go fill(pipe, k, filled)
	defer func() {
		pipe.CloseRead()
		k.abort() // wakes a fill that still reads; nothing when it is done
		<-filled
		pipe.Close()
	}()
	sample := sample{exchange: x, response: k.response}
	for {
		piece, err := pipe.Next(out.pause)
		if err != nil && !errors.Is(err, io.EOF) {
			u.breakOff(out, r, x, err)
			return
		}
		if !out.started {
			writeHead(out, x, k)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		sample.add(piece)
		if _, err := out.Write(piece); err != nil {
			abandon(x, odoo.ClientGone, err)
		}
	}
	sample.end()
	appendTrailers(out.Header(), k.response.Trailer)
	out.end()
}

// fill reads the answer into the pipe and frees the worker.
func fill(pipe *spool.Pipe, k *call, filled chan<- struct{}) {
	defer close(filled)
	_, err := pipe.ReadFrom(k.response.Body)
	k.release(err == nil)
	pipe.CloseWrite(err)
}

// breakOff ends an answer that the backend did not finish: with an error page while nothing
// of it was sent, by ending the client's connection otherwise.
func (u *Upstream) breakOff(out *clientWriter, r *http.Request, x *routing.Exchange, err error) {
	if !out.started {
		u.refuseBroken(out, r, x, err)
		return
	}
	if gone := context.Cause(r.Context()); gone != nil {
		abandon(x, odoo.ClientGone, gone)
	}
	u.metrics.truncated.Inc()
	abandon(x, odoo.Truncated, err)
}

// respondStream passes each piece on as it comes. A stream may be silent for as long as it
// likes; it ends with either side.
func (u *Upstream) respondStream(out *clientWriter, r *http.Request, x *routing.Exchange, k *call) {
	k.conn.body(0)
	x.Outcome = readOutcome(x, k.response, nil)
	writeHead(out, x, k)
	out.pause()
	buf := u.buffers.answers.Get().(*[smallAnswer]byte)
	defer u.buffers.answers.Put(buf)
	for {
		n, err := k.response.Body.Read(buf[:])
		if n > 0 {
			if _, werr := out.Write(buf[:n]); werr != nil {
				abandon(x, odoo.ClientGone, werr)
			}
			out.pause()
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			k.release(true)
			out.end()
			return
		default:
			u.breakOff(out, r, x, err)
			return
		}
	}
}

// sample keeps the start of a piped answer, from which its outcome is read.
type sample struct {
	exchange *routing.Exchange
	response *http.Response
	kept     []byte
	done     bool
}

// add takes a piece. The first one is nearly always enough, and then nothing is copied.
func (s *sample) add(piece []byte) {
	switch {
	case s.done:
	case len(s.kept) == 0 && len(piece) >= odoo.MaxOutcomeHead:
		s.read(piece)
	default:
		room := odoo.MaxOutcomeHead - len(s.kept)
		s.kept = append(s.kept, piece[:min(room, len(piece))]...)
		if len(s.kept) == odoo.MaxOutcomeHead {
			s.read(s.kept)
		}
	}
}

func (s *sample) end() {
	if !s.done {
		s.read(s.kept)
	}
}

func (s *sample) read(head []byte) {
	s.done = true
	s.exchange.Outcome = readOutcome(s.exchange, s.response, head)
}

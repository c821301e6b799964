package main

import "io"

// pattern is a body both sides can make up: byte i is (i*31 + i>>8) & 0xff.
func pattern(size int64) io.Reader {
	return io.LimitReader(&patternReader{}, size)
}

type patternReader struct {
	offset uint64
}

func (r *patternReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.offset*31 + r.offset>>8)
		r.offset++
	}
	return len(p), nil
}

// plainWriter hides every method but Write, so that io.Copy keeps to its buffer.
type plainWriter struct {
	io.Writer
}

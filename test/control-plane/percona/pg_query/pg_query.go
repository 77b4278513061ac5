// Package pg_query is what Percona's operator uses of github.com/pganalyze/pg_query_go: PostgreSQL's own parser, written in C.
// Here it is the same C code, of the same version, compiled to WebAssembly, which runs inside of the Go program; so building
// the operator needs no C compiler, and what it makes of SQL stays the same. The types remain those of the original.
package pg_query

import (
	"github.com/pganalyze/pg_query_go/v6"
	wasm "github.com/wasilibs/go-pgquery"
)

// Node is a part of a syntax tree.
type Node = pg_query.Node

// Parse reads SQL.
func Parse(sql string) (*pg_query.ParseResult, error) { return wasm.Parse(sql) }

// Deparse writes SQL.
func Deparse(tree *pg_query.ParseResult) (string, error) { return wasm.Deparse(tree) }

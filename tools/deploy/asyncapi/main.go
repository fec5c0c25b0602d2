// Prints the official JSON Schema of AsyncAPI documents, which nobody packs for Python.
//
//	asyncapi VERSION
package main

import (
	"fmt"
	"os"

	schemas "github.com/asyncapi/spec-json-schemas/v6"
)

func main() {
	if len(os.Args) != 2 {
		fail(fmt.Errorf("usage: asyncapi VERSION"))
	}
	schema, err := schemas.Get(os.Args[1])
	if err != nil {
		fail(err)
	}
	if schema == nil {
		fail(fmt.Errorf("no AsyncAPI %s", os.Args[1]))
	}
	os.Stdout.Write(schema)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// Loads a Compose file the way Docker does, with every profile, and prints it as JSON. Unknown keys, wrong types and
// variables that have to be set but are not are errors.
//
//	compose FILE < environment          one NAME=value a line
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	if len(os.Args) != 2 {
		fail(fmt.Errorf("usage: compose FILE < environment"))
	}
	environment, err := read(os.Stdin)
	if err != nil {
		fail(err)
	}
	loaded, err := load(os.Args[1], environment)
	if err != nil {
		fail(err)
	}
	os.Stdout.Write(loaded)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func read(from io.Reader) ([]string, error) {
	var environment []string
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, "#") {
			environment = append(environment, line)
		}
	}
	return environment, lines.Err()
}

func load(file string, environment []string) ([]byte, error) {
	options, err := cli.NewProjectOptions(
		[]string{file},
		cli.WithEnv(environment),
		cli.WithProfiles([]string{"*"}),
		cli.WithInterpolation(true),
		cli.WithResolvedPaths(true),
		cli.WithConsistency(true),
	)
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(project, "", " ")
}

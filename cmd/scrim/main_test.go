package main

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// update rewrites the expected output in the scripts: go test ./cmd/scrim -run Scripts -update
var update = flag.Bool("update", false, "rewrite the expected output in testdata/script")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"scrim":   main,
		"scrimux": helperMain,
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			// The machine that runs the tests must not show through: a zone, a configuration, colours.
			e.Setenv("TZ", "UTC")
			e.Setenv("NO_COLOR", "1")
			corpus, err := os.Getwd()
			if err != nil {
				return err
			}
			e.Setenv("CORPUS", corpus+"/../../testdata/corpus")
			e.Setenv("REPO", corpus+"/../..")
			return nil
		},
		Deadline: time.Now().Add(4 * time.Minute),
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":   cmdExits,
			"waitfor": cmdWaitFor,
			"envfile": cmdEnvFile,
			"expand":  cmdExpand,
			"door":    cmdDoor,
		},
	})
}

// Judges objects as Argo CD (its Lua) and Flux (its CEL) would: one JSON case a line from stdin, one JSON answer a line.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/ext"
	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
)

type ask struct {
	// Lua script of Argo CD.
	Lua string `json:"lua"`
	// healthCheckExprs of Flux.
	Cel *struct {
		InProgress string `json:"inProgress"`
		Failed     string `json:"failed"`
		Current    string `json:"current"`
	} `json:"cel"`
	Object map[string]any `json:"object"`
}

type answer struct {
	Value any    `json:"value,omitempty"`
	Error string `json:"error,omitempty"`
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var one ask
		err := json.Unmarshal(in.Bytes(), &one)
		var value any
		if err == nil {
			if one.Cel != nil {
				value, err = flux(one)
			} else {
				value, err = argo(one)
			}
		}
		said := answer{Value: value}
		if err != nil {
			said.Error = err.Error()
		}
		if err := out.Encode(said); err != nil {
			panic(err)
		}
	}
}

// argo runs a script with what Argo CD gives it without useOpenLibs: no string, no math, and by require("os") an os with
// date and time alone.
// After util/lua/lua.go of argo-cd v3.6.1.
func argo(one ask) (any, error) {
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable,
	} {
		if err := l.CallByParam(lua.P{Fn: l.NewFunction(open), NRet: 0, Protect: true}, lua.LString(name)); err != nil {
			return nil, err
		}
	}
	l.PreloadModule(lua.OsLibName, safeOs)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	l.SetContext(ctx)
	l.SetGlobal("obj", decode(l, one.Object))
	if err := l.DoString(one.Lua); err != nil {
		return nil, err
	}
	bytes, err := luajson.Encode(l.Get(-1))
	if err != nil {
		return nil, err
	}
	return json.RawMessage(bytes), nil
}

func safeOs(l *lua.LState) int {
	all := lua.NewState()
	from := all.GetGlobal("os").(*lua.LTable)
	table := l.NewTable()
	for _, name := range []string{"time", "date"} {
		table.RawSetString(name, l.NewFunction(from.RawGetString(name).(*lua.LFunction).GFunction))
	}
	l.Push(table)
	return 1
}

// decode makes lists and tables as Argo CD does; whole numbers are numbers there too.
func decode(l *lua.LState, value any) lua.LValue {
	switch of := value.(type) {
	case bool:
		return lua.LBool(of)
	case float64:
		return lua.LNumber(of)
	case string:
		return lua.LString(of)
	case []any:
		list := l.CreateTable(len(of), 0)
		for _, item := range of {
			list.Append(decode(l, item))
		}
		return list
	case map[string]any:
		table := l.CreateTable(0, len(of))
		for key, item := range of {
			table.RawSetH(lua.LString(key), decode(l, item))
		}
		return table
	}
	return lua.LNil
}

// flux says Current, InProgress or Failed in the order of its RFC 0009.
// After runtime/cel/{expression,status_evaluator}.go of fluxcd/pkg, runtime v0.122.0.
func flux(one ask) (any, error) {
	object := wholeNumbers(one.Object).(map[string]any)
	observed, isThere := field(object, "status", "observedGeneration")
	if generation, has := field(object, "metadata", "generation"); isThere && has && observed != generation {
		return "InProgress", nil
	}
	for _, each := range []struct{ status, expression string }{
		{"InProgress", one.Cel.InProgress}, {"Failed", one.Cel.Failed}, {"Current", one.Cel.Current},
	} {
		if each.expression == "" {
			continue
		}
		holds, err := evaluate(each.expression, object)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", each.status, err)
		}
		if holds {
			return each.status, nil
		}
	}
	return "InProgress", nil
}

func evaluate(expression string, object map[string]any) (bool, error) {
	env, err := cel.NewEnv(cel.HomogeneousAggregateLiterals(), cel.EagerlyValidateDeclarations(true),
		cel.DefaultUTCTimeZone(true), cel.CrossTypeNumericComparisons(true), cel.OptionalTypes(),
		ext.Strings(), ext.Sets(), ext.Encoders())
	if err != nil {
		return false, err
	}
	parsed, issues := env.Parse(expression)
	if issues != nil {
		return false, issues.Err()
	}
	program, err := env.Program(parsed, cel.EvalOptions(cel.OptOptimize), cel.InterruptCheckFrequency(100))
	if err != nil {
		return false, err
	}
	value, _, err := program.ContextEval(context.Background(), object)
	if err != nil {
		return false, err
	}
	holds, ok := value.(types.Bool)
	if !ok {
		return false, errors.New("not a boolean")
	}
	return bool(holds), nil
}

// wholeNumbers are int64 in an object that client-go has read.
func wholeNumbers(value any) any {
	switch of := value.(type) {
	case float64:
		if of == float64(int64(of)) {
			return int64(of)
		}
	case []any:
		for i := range of {
			of[i] = wholeNumbers(of[i])
		}
	case map[string]any:
		for key := range of {
			of[key] = wholeNumbers(of[key])
		}
	}
	return value
}

func field(object map[string]any, outer, inner string) (any, bool) {
	of, _ := object[outer].(map[string]any)
	value, has := of[inner]
	return value, has
}

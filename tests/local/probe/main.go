// Command probe is the workload of the tests of the local cluster: one static
// program that serves, dials, resolves and mounts, so that its image needs
// nothing else in it.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const usage = `usage: probe serve | listen PORT | get URL | lookup NAME | mount DIR | umount DIR | ls DIR | start-of PID`

func main() {
	out, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(out)
}

func run(args []string) (string, error) {
	if len(args) == 1 && args[0] == "serve" {
		return "", serve()
	}
	if len(args) != 2 {
		return "", fmt.Errorf("%s", usage)
	}
	do, ok := map[string]func(string) (string, error){
		"listen": listen,
		"get":    get,
		"lookup": lookup,
		"mount":  func(dir string) (string, error) { return "", syscall.Mount("probe", dir, "tmpfs", 0, "size=1m") },
		"umount": func(dir string) (string, error) { return "", syscall.Unmount(dir, 0) },
		"ls":     list,
		// Field 22 of /proc/PID/stat: two processes with the same number differ in it.
		"start-of": startOf,
	}[args[0]]
	if !ok {
		return "", fmt.Errorf("%s", usage)
	}
	return do(args[1])
}

// serve answers every request with the host's name, until SIGTERM.
func serve() error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	server := &http.Server{Addr: ":8080", ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) })}
	context.AfterFunc(ctx, func() { server.Close() }) //nolint:errcheck // it ends anyway
	fmt.Println("serving as", name)
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// listen takes a port and never answers.
func listen(port string) (string, error) {
	l, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return "", err
	}
	fmt.Println("listening on", l.Addr())
	_, err = l.Accept()
	return "", err
}

func get(url string) (string, error) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close() // read to its end
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

func lookup(name string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	found, err := net.DefaultResolver.LookupHost(ctx, name)
	return strings.Join(found, " "), err
}

func list(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " "), err
}

func startOf(pid string) (string, error) {
	const startField = 22 - 3
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return "", err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) <= startField {
		return "", fmt.Errorf("unexpected /proc/%s/stat: %q", pid, stat)
	}
	return fields[startField], nil
}

// Command bench measures the gateway beside stock Traefik (built from the same module),
// nginx and HAProxy: on one machine, in one run, in turns, so that what else the machine
// does hits all of them alike. It prints tables of ratios; no time decides a test.
//
//	go run ./bench           # everything, about twenty minutes
//	go run ./bench -short    # smoke, about a minute
package main

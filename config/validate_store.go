package config

import (
	"fmt"
	"net"
	"strconv"
)

func (c *checker) store(s Store) {
	const field = "spec.store"
	if s.Redis == nil {
		return
	}
	if s.Embedded != nil {
		c.fail(field, "keep one of them", "the store is embedded or redis, not both")
	}
	c.redisPlace(field+".redis", s.Redis)
	c.redisSignIn(field+".redis", s.Redis)
	if s.Redis.TLS != nil {
		c.clientTLS(field+".redis.tls", s.Redis.TLS)
	}
}

// redisPlace checks where Redis is.
func (c *checker) redisPlace(field string, r *RedisStore) {
	ways := 0
	for _, given := range []bool{r.Address != "", r.Sentinel != nil, len(r.Cluster) > 0} {
		if given {
			ways++
		}
	}
	if ways != 1 && !c.broken(field) {
		c.fail(field, "keep one of them", "say where Redis is, in one way: address (one server), sentinel or cluster")
	}
	if r.Address != "" {
		c.hostPort(field+".address", r.Address)
	}
	for i, a := range r.Cluster {
		c.hostPort(fmt.Sprintf("%s.cluster[%d]", field, i), a)
	}
	if r.Sentinel == nil {
		return
	}
	for i, a := range r.Sentinel.Addresses {
		c.hostPort(fmt.Sprintf("%s.sentinel.addresses[%d]", field, i), a)
	}
}

// redisSignIn checks who we are to Redis.
func (c *checker) redisSignIn(field string, r *RedisStore) {
	switch {
	case r.Entra && (r.Username != "" || r.PasswordFile != ""):
		c.fail(field+".entra", "remove username and passwordFile", "the name and the password come from Entra ID")
	case r.Entra && r.TLS == nil:
		c.fail(field+".entra", "add tls: {}", "without TLS everybody on the way could read the token")
	case r.Username != "" && r.PasswordFile == "":
		c.fail(field+".username", "add passwordFile", "a username needs a password")
	}
	if r.Entra && r.Sentinel != nil {
		c.fail(field+".entra", "", "Azure has no sentinels: use address or cluster")
	}
}

// hostPort checks the address of a server that we connect to.
func (c *checker) hostPort(field, address string) {
	if c.broken(field) {
		return
	}
	host, port, err := net.SplitHostPort(address)
	if n, bad := strconv.Atoi(port); err != nil || bad != nil || host == "" || n < 1 || n > 65535 {
		c.fail(field, "write it as redis.example:6379", "%q is not host:port", shorten(address))
	}
}

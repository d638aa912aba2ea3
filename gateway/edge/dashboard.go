package edge

import (
	"embed"
	"io/fs"

	"github.com/traefik/traefik/v3/webui"
)

//go:embed dashboard
var dashboardFiles embed.FS

// installDashboard puts a page where the dashboard's built assets are missing, as they are
// from Traefik's Go module: without any, /dashboard/ and api.basePath answer 500. A build
// that brings the assets keeps them.
func installDashboard() {
	if _, err := fs.Stat(webui.FS, "index.html"); err == nil {
		return
	}
	if page, err := fs.Sub(dashboardFiles, "dashboard"); err == nil {
		webui.FS = page
	}
}

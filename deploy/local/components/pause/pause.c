/*
 * PID 1 of a pod sandbox: it holds the pod's namespaces open, reaps what is
 * reparented to it in a pod that shares its process namespace, and ends on TERM.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int sig) {
	(void)sig;
	_exit(0);
}

static void reap(int sig) {
	(void)sig;
	while (waitpid(-1, 0, WNOHANG) > 0)
		;
}

int main(void) {
	struct sigaction on_end = {.sa_handler = end};
	struct sigaction on_child = {.sa_handler = reap, .sa_flags = SA_NOCLDSTOP};

	if (sigaction(SIGTERM, &on_end, 0) || sigaction(SIGINT, &on_end, 0) || sigaction(SIGCHLD, &on_child, 0))
		return 1;
	for (;;)
		pause();
}

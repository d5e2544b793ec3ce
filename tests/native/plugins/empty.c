/* A shared object that is no plug-in. */
int facedge_is_not_here(void);
int facedge_is_not_here(void) { return 0; }

# Installation and packages: see the build section of docs/embedding.md.

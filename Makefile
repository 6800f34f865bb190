.PHONY: types
# A view of the package map for type checkers: they cannot follow the editable install's import hook.
types:
	@rm -rf .typing && mkdir -p .typing/edgeblur
	@ln -s $(CURDIR)/core/* .typing/edgeblur/
	@for stage in distill quantize export firmware_harness; do ln -s $(CURDIR)/$$stage .typing/edgeblur/$$stage; done

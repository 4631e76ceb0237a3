import { useSSRContext, defineAsyncComponent, resolveComponent, withCtx, unref, createVNode } from "vue";
import { ssrRenderAttrs, ssrRenderComponent } from "vue/server-renderer";
const __pageData = JSON.parse('{"title":"Lock theatre","description":"Watch a mutex that hangs beside one that does not, step by step, in your browser.","frontmatter":{"title":"Lock theatre","description":"Watch a mutex that hangs beside one that does not, step by step, in your browser.","layout":"page","sidebar":false,"editLink":false,"head":[["link",{"rel":"canonical","href":"https://latchkey-js.github.io/latchkey/theatre.html"}],["meta",{"property":"og:url","content":"https://latchkey-js.github.io/latchkey/theatre.html"}],["meta",{"property":"og:title","content":"Lock theatre"}],["meta",{"property":"og:description","content":"Watch a mutex that hangs beside one that does not, step by step, in your browser."}]]},"headers":[],"relativePath":"theatre.md","filePath":"site/pages/theatre.md","lastUpdated":1795874179000}');
const __default__ = { name: "theatre.md" };
const _sfc_main = /* @__PURE__ */ Object.assign(__default__, {
  __ssrInlineRender: true,
  setup(__props) {
    const LockTheatre = defineAsyncComponent(() => import("./LockTheatre._sQmLO-q.js"));
    return (_ctx, _push, _parent, _attrs) => {
      const _component_ClientOnly = resolveComponent("ClientOnly");
      _push(`<div${ssrRenderAttrs(_attrs)}><main class="theatre-page"><h1 id="lock-theatre" tabindex="-1">Lock theatre <a class="header-anchor" href="#lock-theatre" aria-label="Permalink to &quot;Lock theatre&quot;">​</a></h1><p>Several clients want one lock. Play a story, or tell a client what to do. This is the real package. <a href="/overhead.html">What does it cost?</a></p>`);
      _push(ssrRenderComponent(_component_ClientOnly, null, {
        default: withCtx((_, _push2, _parent2, _scopeId) => {
          if (_push2) {
            _push2(ssrRenderComponent(unref(LockTheatre), null, null, _parent2, _scopeId));
          } else {
            return [
              createVNode(unref(LockTheatre))
            ];
          }
        }),
        _: 1
      }, _parent));
      _push(`</main></div>`);
    };
  }
});
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("site/pages/theatre.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
export {
  __pageData,
  _sfc_main as default
};

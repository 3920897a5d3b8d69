// The component that tells Dash the address: a plain script, for Dash looks for it before any module runs.
window.eduops = {
  Address({ setProps }) {
    window.React.useEffect(() => {
      setProps({ pathname: window.location.pathname, search: window.location.search });
    }, []);
    return null;
  },
};
